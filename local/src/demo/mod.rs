//! The demonstration: three hundred teachers, two messages each, a scheduled batch to all of them
//! that competes for the same lane, a provider that misbehaves, and the promises counted from the
//! provider's side.

mod batch;
mod expected;
mod flow;
mod table;
mod waits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use alimi::domain::hours::BadWindow;
use alimi::domain::run::RunStatus;
use alimi::domain::{Notification, NotificationId, SequenceId};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::audit::Audit;
use crate::catalog_file::{CatalogError, CatalogFile};
use crate::embedded::EmbeddedError;
use crate::real::{Ports, RealStack, StartError};
use crate::simulator::{Fault, SimulatorSettings};

use self::batch::{Batch, Operator, RunSeen, all_day};
use self::flow::{Flow, FlowError, Person, first_lines, people};
use self::waits::Waits;

/// The example's files are part of the program: it runs from anywhere.
const CATALOG: &str = include_str!("../../../examples/teacher-onboarding/catalog.yaml");
const FLOW: &str = include_str!("../../../examples/teacher-onboarding/flow.yaml");
const TEACHERS: &str = include_str!("../../../examples/teacher-onboarding/teachers.csv");

/// Every how many sequences one is posted twice, as a producer does whose first try timed out.
const REPEATED_EVERY: usize = 20;

/// Why the demonstration could not be held.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The stack did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The example's catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The example's files.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The demonstration's hours.
    #[error(transparent)]
    Hours(#[from] BadWindow),
    /// The schedule's time, which cannot be told in its zone.
    #[error(transparent)]
    Zone(#[from] jiff::Error),
    /// The API did not do what an operator asked for.
    #[error("{path} was answered with {status}: {told}")]
    Refused {
        /// The request's path.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The answer's body.
        told: String,
    },
    /// The API could not be reached.
    #[error("the API: {0}")]
    Api(#[from] reqwest::Error),
    /// The database could not be read.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}

/// How the demonstration is held.
#[derive(Clone, Copy, Debug)]
pub struct DemoSettings {
    /// How many of the teachers take part.
    pub teachers: usize,
    /// From one sequence that is posted to the next. The lane keeps up with them, so that there is
    /// room for the batch between them, but none to spare.
    pub pace: Duration,
    /// The channel's jitter allowance, where it is not to be the example's: more of it bears a
    /// machine that is busy with other things.
    pub jitter: Option<SignedDuration>,
    /// Every how often the provider refuses a request for no good reason (a 429). Each halves the
    /// lane's pace, which takes most of a minute to grow back: more often than a few times, the
    /// demonstration would show little else.
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

/// What the demonstration came to.
#[derive(Debug)]
pub struct Demonstrated {
    /// The closing table.
    pub table: String,
    /// Promises that were broken, in words.
    pub broken: Vec<String>,
}

/// Holds the demonstration.
///
/// # Errors
/// [`DemoError`] when it cannot be held at all.
pub async fn run(settings: DemoSettings) -> Result<Demonstrated, DemoError> {
    let mut catalog = CatalogFile::read(CATALOG)?;
    // Held at night, it would otherwise end in the morning.
    let hours = all_day()?;
    catalog.hours = Some(hours);
    for channel in catalog.channels.values_mut() {
        channel.limit.jitter = settings.jitter.unwrap_or(channel.limit.jitter);
    }
    let limit = catalog.channels.values().map(|channel| channel.limit.per_second).min();
    let simulator =
        SimulatorSettings { per_second: limit.unwrap_or(1), ..SimulatorSettings::default() };
    let stack =
        RealStack::start(catalog, simulator.clone(), Ports::default(), Duration::from_secs(5))
            .await?;
    let flow = Flow::read(FLOW)?;
    let mut people = people(TEACHERS)?;
    people.truncate(settings.teachers);

    let refusals = refuse_now_and_then(&stack, settings.refusal_every);
    let operator = Operator::new(&stack.api_url);
    let batch = operator.schedule(first_lines(TEACHERS, people.len())).await?;
    let started = Instant::now();
    let posted = post(&stack, &flow, &people, settings.pace).await?;
    let (stored, runs) = wait(&stack, &operator, people.len(), &batch, settings.patience).await?;
    let took = started.elapsed();
    refusals.abort();

    let arrivals = stack.simulator.arrivals();
    let audit = Audit::of(&stack.simulator, &stored);
    let waits = Waits::of(&arrivals, &stored);
    let limit = usize::try_from(simulator.per_second).unwrap_or(usize::MAX);
    let mut broken = audit.violations(limit);
    broken.extend(posted.faults.iter().cloned());
    broken.extend(expected::differences(&posted.sequences, &flow, &stored));
    broken.extend(batch.differences(&runs));
    broken.extend(expected::batch_differences(&batch, &people, &stored));
    if !waits.overtaken.is_empty() {
        broken.push(format!("overtaken by the batch: {:?}", waits.overtaken));
    }
    if !audit.unsettled.is_empty() {
        broken.push(format!(
            "after {:?} {} messages are still under way, such as {:?}",
            settings.patience,
            audit.unsettled.len(),
            audit.unsettled[0]
        ));
    }
    let table = table::of(&table::Figures {
        sequences: people.len(),
        repeated: posted.repeated,
        limit,
        took,
        audit: &audit,
        stored: &stored,
        arrivals: &arrivals,
        batch: &batch,
        run: runs.first(),
        waits: &waits,
        window: hours.scheduled,
    });
    Ok(Demonstrated { table, broken })
}

/// A provider refuses requests that kept its limit, too: others may use the account.
fn refuse_now_and_then(stack: &RealStack, every: Duration) -> tokio::task::JoinHandle<()> {
    let simulator = Arc::clone(&stack.simulator);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(1) });
        }
    })
}

/// What was posted, and what the API said.
struct Posted<'a> {
    sequences: Vec<(SequenceId, &'a Person)>,
    repeated: usize,
    faults: Vec<String>,
}

async fn post<'a>(
    stack: &RealStack,
    flow: &Flow,
    people: &'a [Person],
    pace: Duration,
) -> Result<Posted<'a>, DemoError> {
    let client = reqwest::Client::new();
    let mut posted = Posted { sequences: vec![], repeated: 0, faults: vec![] };
    let bar = bar(people.len(), "posting  ");
    let mut turns = tokio::time::interval(pace);
    for (index, person) in people.iter().enumerate() {
        turns.tick().await;
        let body = flow.sequence(person).to_string();
        let ask = || {
            client
                .post(format!("{}/v1/sequences", stack.api_url))
                .header("content-type", "application/json")
                .header("idempotency-key", format!("onboarding-{}", person.id))
                .body(body.clone())
                .send()
        };
        let answer = ask().await?;
        let status = answer.status().as_u16();
        let made: serde_json::Value =
            serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        match made["id"].as_str().and_then(|id| id.parse().ok()) {
            Some(id) if status == 202 => posted.sequences.push((id, person)),
            _ => posted.faults.push(format!("{} was answered with {status}: {made}", person.id)),
        }
        if index % REPEATED_EVERY == 0 {
            posted.repeated += 1;
            let again = ask().await?;
            let status = again.status().as_u16();
            let same: serde_json::Value =
                serde_json::from_slice(&again.bytes().await?).unwrap_or_default();
            if status != 200 || same["id"] != made["id"] {
                posted.faults.push(format!("{} repeated was answered with {status}", person.id));
            }
        }
        bar.inc(1);
    }
    bar.finish();
    Ok(posted)
}

/// Waits until the batch has run and nothing is left to happen, showing how many sequences and
/// members are over.
async fn wait(
    stack: &RealStack,
    operator: &Operator,
    sequences: usize,
    batch: &Batch,
    patience: Duration,
) -> Result<(BTreeMap<NotificationId, Notification>, Vec<RunSeen>), DemoError> {
    let give_up_at = Instant::now() + patience;
    let all = sequences + batch.members;
    let bar = bar(all, "delivering");
    loop {
        // Asked for first: what a run that has ended stored is seen then.
        let runs = operator.runs().await?;
        let has_run = runs.iter().any(|run| run.status != RunStatus::Running);
        let stored = crate::embedded::notifications(&stack.database)?;
        let audit = Audit::of(&stack.simulator, &stored);
        bar.set_position(
            u64::try_from(all.saturating_sub(open(&audit, &stored, batch))).unwrap_or(0),
        );
        let is_quiet = stack.simulator.pushes_under_way() == 0;
        if (has_run && audit.unsettled.is_empty() && is_quiet) || Instant::now() >= give_up_at {
            bar.finish();
            return Ok((stored, runs));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// How many sequences and members of the batch are not over.
fn open(audit: &Audit, stored: &BTreeMap<NotificationId, Notification>, batch: &Batch) -> usize {
    let unsettled = || audit.unsettled.iter().filter_map(|(id, _)| stored.get(id));
    let sequences: BTreeSet<&SequenceId> =
        unsettled().filter_map(|n| Some(&n.place.as_ref()?.sequence)).collect();
    let is_single = |n: &&Notification| n.place.is_none();
    let over = stored.values().filter(is_single).count() - unsettled().filter(is_single).count();
    sequences.len() + batch.members.saturating_sub(over)
}

fn bar(length: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:11} {bar:40.cyan} {pos:>4}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(length).unwrap_or(0)).with_style(style).with_prefix(what)
}
