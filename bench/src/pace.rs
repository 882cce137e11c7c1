//! How much of the limit is used, and whether it is ever exceeded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alimi::delivery::DrainSettings;
use alimi::domain::RateLimit;
use alimi_local::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use indicatif::ProgressBar;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::bed::{Bed, Failure, NO_RECEIPT, Run};
use crate::measure::{by_second, longest_gap_s, over_limit, times};

const JITTER_MS: i64 = 25;
const SECONDS: f64 = 60.0;

/// How a lane is treated while it is measured.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Even spacing.
    Even,
    /// Strict: each departure waits for an answer.
    Strict,
    /// A hand-over every ten seconds.
    HandOver,
    /// The first sender is killed after twenty seconds.
    Killed,
}

impl Variant {
    pub fn words(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Strict => "strict",
            Self::HandOver => "even, hand-over every 10 s",
            Self::Killed => "even, sender killed at 20 s",
        }
    }
}

/// The provider's time to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    Fixed(u64),
    HeavyTailed,
}

impl Latency {
    pub fn words(self) -> String {
        match self {
            Self::Fixed(ms) => format!("{ms} ms"),
            Self::HeavyTailed => "100 ms to 8 s".to_owned(),
        }
    }
}

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub per_second: u32,
    pub latency: Latency,
    pub variant: Variant,
    pub requests: usize,
    /// Without the wait for a dead sender's lease.
    pub seconds: f64,
    /// Share of N / (1 + J).
    pub utilisation: f64,
    pub busiest_second: usize,
    pub seconds_over: usize,
    pub refused: usize,
    pub drains: usize,
    /// The wait for a dead sender's lease.
    pub gap_s: f64,
    pub cpu_percent: f64,
    pub by_second: Vec<usize>,
}

/// Runs side by side: each uses a fraction of a processor.
const AT_ONCE: usize = 3;

/// Runs the whole matrix, or only one variant of it beside the rows that are `known`, and hands all
/// rows over as soon as there is another one.
pub fn measure(
    bar: &ProgressBar,
    only: Option<Variant>,
    known: Vec<Row>,
    keep: impl Fn(&[Row]) -> Result<(), Failure> + Sync,
) -> Result<Vec<Row>, Failure> {
    let latencies =
        [Latency::Fixed(50), Latency::Fixed(300), Latency::Fixed(1500), Latency::HeavyTailed];
    let mut plan = VecDeque::new();
    let all = |variant| {
        let limits = [10, 50, 200].into_iter();
        limits.flat_map(move |limit| latencies.map(|latency| (limit, latency, variant)))
    };
    plan.extend(all(Variant::Even));
    for variant in [Variant::HandOver, Variant::Killed] {
        plan.push_back((50, Latency::Fixed(300), variant));
        plan.push_back((200, Latency::Fixed(1500), variant));
    }
    plan.extend(all(Variant::Strict));
    let is_asked = |variant| only.is_none_or(|only| only == variant);
    plan.retain(|(_, _, variant)| is_asked(*variant));
    let known = known.into_iter().filter(|row| !is_asked(row.variant)).collect();
    bar.set_length(plan.len() as u64);
    let plan = Mutex::new(plan);
    let rows: Mutex<Vec<Row>> = Mutex::new(known);
    let work = || -> Result<(), Failure> {
        loop {
            let next = plan.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((per_second, latency, variant)) = next else { return Ok(()) };
            bar.set_message(format!("{per_second}/s, {}, {}", latency.words(), variant.words()));
            let row = one(per_second, latency, variant)?;
            let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
            rows.push(row);
            rows.sort_by_key(|row| (row.variant, row.per_second, row.latency));
            keep(&rows)?;
            bar.inc(1);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err("a measurement panicked".into()))
        })
    })?;
    Ok(rows.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn one(per_second: u32, latency: Latency, variant: Variant) -> Result<Row, Failure> {
    let goal = f64::from(per_second) / (1.0 + JITTER_MS as f64 / 1000.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
    let count = (goal * SECONDS) as usize;
    let bed = Bed::new(SimulatorSettings {
        per_second,
        latency: match latency {
            Latency::Fixed(ms) => Duration::from_millis(ms),
            Latency::HeavyTailed => Duration::from_millis(100),
        },
        latency_jitter: Duration::ZERO,
        heavy_tail: latency == Latency::HeavyTailed,
        ..SimulatorSettings::default()
    })?;
    bed.configure(|channel| {
        let jitter = SignedDuration::from_millis(JITTER_MS);
        channel.limit = RateLimit { per_second, jitter, strict: variant == Variant::Strict };
        channel.timeouts.total = SignedDuration::from_secs(10);
    })?;
    bed.preload(count, 600, NO_RECEIPT)?;
    let slice = if variant == Variant::HandOver { 10 } else { 20 };
    let settings = DrainSettings { slice: Duration::from_secs(slice), ..DrainSettings::default() };
    let killed_after = (variant == Variant::Killed).then_some(Duration::from_secs(20));
    // A killed sender's slice must not end just before it dies.
    let settings = match killed_after {
        Some(_) => DrainSettings { slice: Duration::from_secs(25), ..settings },
        None => settings,
    };
    // What a killed sender had claimed is not sent by itself.
    let lost = if killed_after.is_some() { per_second as usize / 2 } else { 0 };
    let run = Run { settings, killed_after, enough: count - lost };
    let ran = bed.run(&Arc::new(LocalQueue::default()), &run)?;
    let times = times(&ran.arrivals);
    let span_s = (times[times.len() - 1] - times[0]) as f64 / 1e6;
    let gap_s = if killed_after.is_some() { longest_gap_s(&times) } else { 0.0 };
    let seconds = span_s - gap_s;
    let (seconds_over, busiest_second) = over_limit(&times, per_second as usize);
    let refused = ran.arrivals.iter().filter(|arrival| arrival.code == 5002).count();
    Ok(Row {
        per_second,
        latency,
        variant,
        requests: times.len(),
        seconds,
        utilisation: (times.len() - 1 - refused) as f64 / seconds / goal,
        busiest_second,
        seconds_over,
        refused,
        drains: ran.drains,
        gap_s,
        cpu_percent: 100.0 * ran.cpu.as_secs_f64() / span_s,
        by_second: by_second(&times),
    })
}
