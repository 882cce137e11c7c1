//! The demo. Three hundred teachers get two messages each, and a scheduled batch for all of them
//! competes in the same lane, while the simulated provider fails now and then. Some people get text
//! messages: by themselves, and as a fallback step. At the end the demo checks every promise
//! against what arrived at the provider.

mod batch;
mod error;
mod expected;
mod flow;
mod posting;
mod progress;
mod settling;
mod table;
mod texts;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use alimi_catalog::CatalogFile;
use jiff::SignedDuration;
use tokio::time::Instant;

use self::batch::{Operator, all_day};
use self::flow::{Flow, first_lines, people};
use self::posting::post_sequences;
use self::progress::Progress;
use self::settling::wait_until_settled;
use self::texts::Texts;
use self::waits::Waits;
use crate::serve::{LocalStack, LocalStackSettings, Ports, StartCatalog};
use crate::simulator::{Fault, SimulatorSettings, TOO_MANY};
use crate::testing::audit::Audit;

pub use self::error::DemoError;

/// The example's files are part of the program, so it runs from any folder.
const CATALOG: &str = include_str!("../../../examples/teacher-onboarding/catalog.yaml");
const FLOW: &str = include_str!("../../../examples/teacher-onboarding/flow.yaml");
const TEACHERS: &str = include_str!("../../../examples/teacher-onboarding/teachers.csv");

/// How many teachers the example has.
#[must_use]
pub fn teachers_max() -> usize {
    // The first line has the names of the columns.
    TEACHERS.lines().count().saturating_sub(1)
}

#[derive(Clone, Copy, Debug)]
pub struct DemoSettings {
    /// How many of the example's teachers take part.
    pub teachers: usize,
    /// The time from one posted sequence to the next. The lane can keep up with it, and the batch
    /// takes the slots that are left.
    pub pace: Duration,
    /// Replaces the jitter allowance of the example's channel. A busy machine needs a larger one.
    pub jitter: Option<SignedDuration>,
    /// The time between two requests that the provider refuses with a 429 although they kept the
    /// limit. Each 429 halves the lane's pace, which recovers within a minute. More refusals would
    /// hide everything else that the demo shows.
    pub refusal_every: Duration,
    /// When to give up.
    pub patience: Duration,
}

impl Default for DemoSettings {
    fn default() -> Self {
        Self {
            teachers: usize::MAX,
            pace: Duration::from_millis(90),
            jitter: None,
            refusal_every: Duration::from_secs(20),
            patience: Duration::from_secs(180),
        }
    }
}

#[derive(Debug)]
pub struct DemoOutcome {
    /// The closing table.
    pub table: String,
    /// The broken promises, as text.
    pub broken: Vec<String>,
}

/// Runs the demo.
///
/// # Errors
/// [`DemoError`] when the demo cannot run at all.
pub async fn run(settings: DemoSettings) -> Result<DemoOutcome, DemoError> {
    let progress = Progress::start("starting");
    let mut catalog = CatalogFile::read(CATALOG)?;
    // With the default hours, a demo that starts in the evening would end in the morning.
    let hours = all_day()?;
    catalog.hours = Some(hours);
    for channel in catalog.channels.values_mut() {
        channel.limit.jitter = settings.jitter.unwrap_or(channel.limit.jitter);
    }
    let limit = catalog.channels.values().map(|channel| channel.limit.per_second).min();
    let simulator =
        SimulatorSettings { per_second: limit.unwrap_or(1), ..SimulatorSettings::default() };
    let stack = LocalStack::start(LocalStackSettings {
        catalog: StartCatalog::Always(catalog),
        simulator: simulator.clone(),
        ports: Ports::default(),
        sweep_every: Duration::from_secs(5),
        data_dir: None,
    })
    .await?;
    let flow = Flow::read(FLOW)?;
    let mut people = people(TEACHERS)?;
    people.truncate(settings.teachers);

    let refusals = refuse_now_and_then(&stack, settings.refusal_every);
    let operator = Operator::new(&stack.api_url);
    progress.stage("scheduling", 0);
    let batch = operator.schedule(first_lines(TEACHERS, people.len())).await?;
    let started = Instant::now();
    let texts = Texts::post(&stack.api_url).await?;
    let posted = post_sequences(&stack.api_url, &flow, &people, settings.pace, &progress).await?;
    let sequences = people.len() + texts.sequences.len();
    let (stored, runs) =
        wait_until_settled(&stack, &operator, sequences, &batch, settings.patience, &progress)
            .await?;
    let took = started.elapsed();
    refusals.abort();

    let arrivals = stack.simulator.arrivals();
    let audit = Audit::of(&stack.simulator, &stored);
    let waits = Waits::of(&arrivals, &stored.notifications);
    let limit = usize::try_from(simulator.per_second).unwrap_or(usize::MAX);
    let mut broken = audit.violations(limit);
    broken.extend(posted.faults.iter().cloned());
    broken.extend(texts.faults.iter().cloned());
    let all = &stored.notifications;
    broken.extend(expected::sequence_differences(&posted.sequences, &flow, all));
    broken.extend(texts.differences(all));
    broken.extend(batch.differences(&runs));
    broken.extend(expected::batch_differences(&batch, &people, all));
    if !waits.overtaken.is_empty() {
        broken.push(format!("overtaken by the batch: {:?}", waits.overtaken));
    }
    if !audit.unsettled.is_empty() {
        broken.push(format!(
            "after {:?} {} messages have not ended, such as {:?}",
            settings.patience,
            audit.unsettled.len(),
            audit.unsettled[0]
        ));
    }
    let table = table::of(&table::Figures {
        sequences: &posted.sequences,
        repeated: posted.repeated,
        limit,
        took,
        audit: &audit,
        stored: all,
        arrivals: &arrivals,
        texts: &texts,
        batch: &batch,
        run: runs.first(),
        waits: &waits,
        window: hours.scheduled,
    });
    Ok(DemoOutcome { table, broken })
}

/// Refuses requests that kept the limit, as a provider does when others use the account too.
fn refuse_now_and_then(stack: &LocalStack, every: Duration) -> tokio::task::JoinHandle<()> {
    let simulator = Arc::clone(&stack.simulator);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            simulator.fail_next(Fault { status: 429, code: TOO_MANY, reset_s: Some(1) });
        }
    })
}
