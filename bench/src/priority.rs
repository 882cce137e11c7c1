//! How long real-time messages wait while a large batch is being sent.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::RateLimit;
use alimi::use_cases::SenderSettings;
use alimi_local::aws::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::testing::database_usage::DatabaseUsage;
use indicatif::ProgressBar;
use jiff::SignedDuration;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::bed::{Bed, NO_RECEIPT, Run};
use crate::program::Failure;
use crate::requests::create;
use crate::statistics::{over_limit, percentile, times};

const PER_SECOND: u32 = 50;
const BACKLOG: usize = 100_000;
const SECONDS: usize = 120;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PriorityResults {
    pub backlog: usize,
    pub per_second: u32,
    pub real_time: usize,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub longest_ms: f64,
    /// Notifications that were created at least a second before the end and were not sent.
    pub unsent: usize,
    /// The time of two slots, and 150 ms.
    pub goal_p99_ms: f64,
    pub seconds_over: usize,
    pub waits_ms: Vec<f64>,
}

pub fn measure(bar: &ProgressBar) -> Result<PriorityResults, Failure> {
    bar.set_length(2);
    bar.set_message(format!("queueing {BACKLOG}"));
    let bed = Bed::new(SimulatorSettings {
        per_second: PER_SECOND,
        latency: Duration::from_millis(300),
        latency_jitter: Duration::ZERO,
        ..SimulatorSettings::default()
    })?;
    bed.configure(|channel| {
        let jitter = SignedDuration::from_millis(25);
        channel.limit = RateLimit { per_second: PER_SECOND, jitter, strict: false };
    })?;
    bed.preload(BACKLOG, 600, NO_RECEIPT)?;
    bar.inc(1);
    bar.set_message("real-time messages come in at random times");
    let queue = Arc::new(LocalQueue::default());
    let producer = {
        let settings = SenderSettings::default();
        let stack = bed.stack(queue.clone(), &DatabaseUsage::default(), settings);
        bed.runtime.spawn(async move {
            let mut randomness = rand::rngs::SmallRng::seed_from_u64(7);
            let mut sent: usize = 0;
            loop {
                // Five a second on average, at random times that do not depend on the slots.
                let pause_ms = randomness.random_range(0..400);
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                create(&stack, &format!("real-time-{sent}"), 0, NO_RECEIPT).await?;
                sent += 1;
                if sent >= 5 * SECONDS {
                    return Ok::<_, Failure>(());
                }
            }
        })
    };
    let enough = (SECONDS + 20) * PER_SECOND as usize * 40 / 41;
    let ran =
        bed.run(&queue, &Run { settings: SenderSettings::default(), killed_after: None, enough })?;
    if !producer.is_finished() {
        return Err("the producer was too slow".into());
    }
    bed.runtime.block_on(producer)??;
    let end_ms = ran.arrivals.last().map_or(0, |arrival| arrival.at_us / 1000);
    let real_time: Vec<_> =
        bed.notifications()?.into_iter().filter(|n| n.priority.0 == 0).collect();
    let unsent = real_time
        .iter()
        .filter(|n| n.attempts.is_empty() && n.created_at_ms + 1000 < end_ms)
        .count();
    let mut waits_ms: Vec<f64> = real_time
        .iter()
        .filter_map(|notification| {
            let sent_at_ms = notification.attempts.first()?.request_sent_at_ms?;
            Some((sent_at_ms - notification.created_at_ms) as f64)
        })
        .collect();
    let slot_ms = 1000.0 * 1.025 / f64::from(PER_SECOND);
    let (seconds_over, _) = over_limit(&times(&ran.arrivals), PER_SECOND as usize);
    bar.inc(1);
    Ok(PriorityResults {
        backlog: BACKLOG,
        per_second: PER_SECOND,
        real_time: waits_ms.len(),
        p50_ms: percentile(&mut waits_ms, 0.5),
        p95_ms: percentile(&mut waits_ms, 0.95),
        p99_ms: percentile(&mut waits_ms, 0.99),
        longest_ms: percentile(&mut waits_ms, 1.0),
        unsent,
        goal_p99_ms: 2.0 * slot_ms + 150.0,
        seconds_over,
        waits_ms,
    })
}
