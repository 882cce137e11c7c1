//! How much of the limit is used, and whether it is ever exceeded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alimi::domain::RateLimit;
use alimi::use_cases::SenderSettings;
use alimi_local::aws::queue::LocalQueue;
use alimi_local::simulator::{SimulatorSettings, TOO_MANY};
use indicatif::ProgressBar;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::bed::{Bed, NO_RECEIPT, Run};
use crate::program::Failure;
use crate::statistics::{by_second, longest_gap_s, over_limit, times};

const JITTER_MS: i64 = 25;
const SECONDS: f64 = 60.0;

/// What happens to the lane during a measurement.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Even spacing.
    Even,
    /// Each departure waits for the answer to an earlier request.
    Strict,
    /// A sender hands over to the next one every ten seconds.
    HandOver,
    /// The first sender is killed after twenty seconds.
    Killed,
}

impl Variant {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Strict => "strict",
            Self::HandOver => "even, hand-over every 10 s",
            Self::Killed => "even, sender killed at 20 s",
        }
    }
}

/// How long the provider takes to answer, in milliseconds where it is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    Fixed(u64),
    HeavyTailed,
}

impl Latency {
    pub fn describe(self) -> String {
        match self {
            Self::Fixed(ms) => format!("{ms} ms"),
            Self::HeavyTailed => "100 ms to 8 s".to_owned(),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaceRow {
    pub per_second: u32,
    pub latency: Latency,
    pub variant: Variant,
    pub requests: usize,
    /// From the first to the last arrival, without `gap_s`.
    pub seconds: f64,
    /// The share of N / (1 + J), where N is the limit and J the jitter allowance in seconds.
    pub utilisation: f64,
    pub busiest_second: usize,
    pub seconds_over: usize,
    pub refused: usize,
    pub drains: usize,
    /// The pause until the killed sender's lease expired.
    pub gap_s: f64,
    pub cpu_percent: f64,
    pub by_second: Vec<usize>,
}

/// Runs at the same time. Each run uses a fraction of a processor.
const AT_ONCE: usize = 3;

/// Runs all combinations, or only those of one variant. Rows of other variants are taken from
/// `known`. After each run, `keep` gets all rows.
pub fn measure(
    bar: &ProgressBar,
    only: Option<Variant>,
    known: Vec<PaceRow>,
    keep: impl Fn(&[PaceRow]) -> Result<(), Failure> + Sync,
) -> Result<Vec<PaceRow>, Failure> {
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
    let is_requested = |variant| only.is_none_or(|only| only == variant);
    plan.retain(|(_, _, variant)| is_requested(*variant));
    let known = known.into_iter().filter(|row| !is_requested(row.variant)).collect();
    bar.set_length(plan.len() as u64);
    let plan = Mutex::new(plan);
    let rows: Mutex<Vec<PaceRow>> = Mutex::new(known);
    let work = || -> Result<(), Failure> {
        loop {
            let next = plan.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((per_second, latency, variant)) = next else { return Ok(()) };
            let (answer, treatment) = (latency.describe(), variant.describe());
            bar.set_message(format!("{per_second}/s, {answer}, {treatment}"));
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

fn one(per_second: u32, latency: Latency, variant: Variant) -> Result<PaceRow, Failure> {
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
    let slice = Duration::from_secs(if variant == Variant::HandOver { 10 } else { 20 });
    let settings = SenderSettings { slice, ..SenderSettings::default() };
    let killed_after = (variant == Variant::Killed).then_some(Duration::from_secs(20));
    // Otherwise the killed sender's slice would end just before the kill.
    let settings = match killed_after {
        Some(_) => SenderSettings { slice: Duration::from_secs(25), ..settings },
        None => settings,
    };
    // Nobody sends the messages that the killed sender had claimed.
    let lost = if killed_after.is_some() { per_second as usize / 2 } else { 0 };
    let run = Run { settings, killed_after, enough: count - lost };
    let ran = bed.run(&Arc::new(LocalQueue::default()), &run)?;
    let times = times(&ran.arrivals);
    let span_s = (times[times.len() - 1] - times[0]) as f64 / 1e6;
    let gap_s = if killed_after.is_some() { longest_gap_s(&times) } else { 0.0 };
    let seconds = span_s - gap_s;
    let (seconds_over, busiest_second) = over_limit(&times, per_second as usize);
    let refused = ran.arrivals.iter().filter(|arrival| arrival.code == TOO_MANY).count();
    Ok(PaceRow {
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
