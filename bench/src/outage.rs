//! How long a channel's real-time messages wait while other channels' providers are away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alimi::domain::RateLimit;
use alimi::ports::Clock;
use alimi::time::SystemClock;
use alimi::use_cases::SenderSettings;
use alimi_catalog::CatalogFile;
use alimi_local::aws::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::stack::Stack;
use alimi_local::testing::database_usage::DatabaseUsage;
use aws_lambda_events::sqs::SqsEvent;
use indicatif::ProgressBar;
use jiff::SignedDuration;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::bed::{Bed, CHANNEL, NO_RECEIPT};
use crate::program::Failure;
use crate::requests::{create, create_from};
use crate::statistics::percentile;

/// Half of them refuse connections. The others accept them and never answer.
const AWAY: usize = 20;
/// The default of `SenderConcurrency` in `template.yaml`.
const CONCURRENCY: usize = 4;
const TEMPLATE: &str = "consultation-start";
/// A channel that is away gets a new message so often.
const NEW_MESSAGE_EVERY: Duration = Duration::from_secs(12);
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// The first minutes, in which the circuits open.
const ONSET: Duration = Duration::from_secs(240);
const MEASURED: Duration = Duration::from_secs(240);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    Alone,
    /// While the circuits open.
    Onset,
    /// Once the circuits are open.
    Open,
}

impl Case {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Alone => "no other channel",
            Self::Onset => "20 channels away, their first 4 minutes",
            Self::Open => "20 channels away, the 4 minutes after that",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutageRow {
    pub case: Case,
    pub messages: usize,
    /// From acceptance to arrival at the provider.
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub longest_ms: f64,
    pub unsent: usize,
}

pub fn measure(bar: &ProgressBar) -> Result<Vec<OutageRow>, Failure> {
    bar.set_length(2);
    bar.set_message("alone, takes four minutes");
    let mut rows = measure_beside(&[], &[(Case::Alone, MEASURED)])?;
    bar.inc(1);
    bar.set_message("beside 20 channels that are away, takes eight minutes");
    let names: Vec<String> = (0..AWAY).map(|n| format!("away-{n:02}")).collect();
    rows.extend(measure_beside(&names, &[(Case::Onset, ONSET), (Case::Open, MEASURED)])?);
    bar.inc(1);
    Ok(rows)
}

/// Posts real-time messages at random moments, two a second on average, through the phases.
fn measure_beside(away: &[String], phases: &[(Case, Duration)]) -> Result<Vec<OutageRow>, Failure> {
    let bed = Bed::new(SimulatorSettings {
        per_second: 50,
        latency: Duration::from_millis(300),
        latency_jitter: Duration::ZERO,
        ..SimulatorSettings::default()
    })?;
    let hanging = bed.runtime.block_on(hanging_provider())?;
    bed.configure_catalog(|catalog| add_channels(catalog, away, &hanging))?;
    let queue = Arc::new(LocalQueue::default());
    let stack = bed.stack(queue.clone(), &DatabaseUsage::default(), SenderSettings::default());
    for name in away {
        let (stack, name) = (stack.clone(), name.clone());
        bed.runtime.spawn(async move {
            let mut messages = tokio::time::interval(NEW_MESSAGE_EVERY);
            for n in 0.. {
                messages.tick().await;
                let key = format!("{name}-{n}");
                // A message that is refused would leave the channel idle, and so the figures better.
                create_from(&stack, &key, &name, 0, NO_RECEIPT).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    start_sweeper(&bed, &stack);
    let producing = bed.runtime.spawn(produce(stack.clone(), phases.to_vec()));
    // The senders have a thread of their own, as deployed functions have their own processors.
    let senders = Builder::new_current_thread().enable_all().build()?;
    let created = senders.block_on(async {
        let sender = stack.sender.clone();
        let handler = move |event: SqsEvent| {
            let sender = sender.clone();
            async move { Some(alimi_sender::handle(&sender, event).await) }
        };
        tokio::spawn(queue.clone().pump(Arc::new(SystemClock), CONCURRENCY, handler));
        let created = producing.await??;
        // The last messages arrive.
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok::<_, Failure>(created)
    })?;
    if !away.is_empty() {
        let stored = bed.notifications()?.into_iter().filter(|n| n.channel != CHANNEL).count();
        if stored < away.len() * 20 {
            return Err(format!("only {stored} messages wait for the channels away").into());
        }
    }
    rows(&bed, &created)
}

type Created = Vec<(Case, String)>;

async fn produce(stack: Stack, phases: Vec<(Case, Duration)>) -> Result<Created, Failure> {
    let mut randomness = rand::rngs::SmallRng::seed_from_u64(7);
    let mut created = Vec::new();
    for (case, length) in phases {
        let until_us = SystemClock.now_us() + i64::try_from(length.as_micros())?;
        while SystemClock.now_us() < until_us {
            let pause_ms = randomness.random_range(0..1_000);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            let key = format!("real-time-{}", created.len());
            created.push((case, create(&stack, &key, 0, NO_RECEIPT).await?));
        }
    }
    Ok(created)
}

fn start_sweeper(bed: &Bed, stack: &Stack) {
    let sweeper = stack.sweeper.clone();
    bed.runtime.spawn(async move {
        let mut rounds = tokio::time::interval(SWEEP_EVERY);
        loop {
            rounds.tick().await;
            let sweeper = sweeper.clone();
            tokio::spawn(async move { alimi_sweeper::handle(&sweeper).await });
        }
    });
}

/// A provider that accepts connections and never answers.
async fn hanging_provider() -> Result<String, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    Ok(address)
}

/// Adds copies of the example's channel, each with a template that is sent over it.
fn add_channels(catalog: &mut CatalogFile, names: &[String], hanging: &str) -> Result<(), Failure> {
    let missing = "the example has no such channel or template";
    let channel = catalog.channels.get_mut(CHANNEL).ok_or(missing)?;
    let jitter = SignedDuration::from_millis(25);
    channel.limit = RateLimit { per_second: 50, jitter, strict: false };
    let channel = channel.clone();
    let template = catalog.templates.get(TEMPLATE).ok_or(missing)?.clone();
    for (n, name) in names.iter().enumerate() {
        let mut away = channel.clone();
        away.name.clone_from(name);
        // Nothing listens on port 1.
        let address = if n % 2 == 0 { "http://127.0.0.1:1" } else { hanging };
        away.provider.settings.insert("endpoint".to_owned(), address.into());
        catalog.channels.insert(name.clone(), away);
        let mut over_it = template.clone();
        over_it.name.clone_from(name);
        for variant in &mut over_it.variants {
            variant.channel.clone_from(name);
        }
        over_it.variants.truncate(1);
        catalog.templates.insert(name.clone(), over_it);
    }
    Ok(())
}

fn rows(bed: &Bed, created: &Created) -> Result<Vec<OutageRow>, Failure> {
    let mut arrived_us = BTreeMap::new();
    for arrival in bed.simulator.arrivals() {
        if let Some(reference) = &arrival.reference {
            let first = arrived_us.entry(reference.id.as_str().to_owned()).or_insert(arrival.at_us);
            *first = arrival.at_us.min(*first);
        }
    }
    let notifications = bed.notifications()?;
    let created_at_ms: BTreeMap<&str, i64> =
        notifications.iter().map(|n| (n.id.as_str(), n.created_at_ms)).collect();
    let mut rows = Vec::new();
    for case in [Case::Alone, Case::Onset, Case::Open] {
        let ids = created.iter().filter(|(of, _)| *of == case).map(|(_, id)| id.as_str());
        let mut waits_ms = Vec::new();
        let mut unsent = 0;
        for id in ids {
            match (arrived_us.get(id), created_at_ms.get(id)) {
                (Some(at_us), Some(created_at_ms)) => {
                    waits_ms.push((at_us - 1000 * created_at_ms) as f64 / 1000.0);
                }
                _ => unsent += 1,
            }
        }
        if waits_ms.is_empty() && unsent == 0 {
            continue;
        }
        rows.push(OutageRow {
            case,
            messages: waits_ms.len(),
            p50_ms: percentile(&mut waits_ms, 0.5),
            p95_ms: percentile(&mut waits_ms, 0.95),
            p99_ms: percentile(&mut waits_ms, 0.99),
            longest_ms: percentile(&mut waits_ms, 1.0),
            unsent,
        });
    }
    Ok(rows)
}
