//! How much of the limit is used, and whether it is ever exceeded.

use std::sync::Arc;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Runs the whole matrix.
pub fn measure(bar: &ProgressBar) -> Result<Vec<Row>, Failure> {
    let latencies =
        [Latency::Fixed(50), Latency::Fixed(300), Latency::Fixed(1500), Latency::HeavyTailed];
    let mut plan = Vec::new();
    for variant in [Variant::Even, Variant::Strict] {
        for per_second in [10, 50, 200] {
            plan.extend(latencies.map(|latency| (per_second, latency, variant)));
        }
    }
    for variant in [Variant::HandOver, Variant::Killed] {
        plan.push((50, Latency::Fixed(300), variant));
        plan.push((200, Latency::Fixed(1500), variant));
    }
    bar.set_length(plan.len() as u64);
    let mut rows = Vec::new();
    for (per_second, latency, variant) in plan {
        bar.set_message(format!("{per_second}/s, {}, {}", latency.words(), variant.words()));
        rows.push(one(per_second, latency, variant)?);
        bar.inc(1);
    }
    Ok(rows)
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
    let run = Run { settings, killed_after, enough: count };
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
