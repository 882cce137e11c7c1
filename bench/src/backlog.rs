//! What a message costs the sender in a queue of a thousand to a million messages.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::RateLimit;
use alimi::use_cases::SenderSettings;
use alimi_local::aws::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use indicatif::ProgressBar;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::bed::{Bed, NO_RECEIPT, Run};
use crate::program::Failure;

const PER_SECOND: u32 = 100;
const SENT: usize = 1_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BacklogRow {
    pub backlog: usize,
    pub sent: usize,
    pub requests_each: f64,
    pub read_units_each: f64,
    pub write_units_each: f64,
    pub cpu_us_each: f64,
}

pub fn measure(bar: &ProgressBar) -> Result<Vec<BacklogRow>, Failure> {
    let sizes = [1_000, 10_000, 100_000, 1_000_000];
    bar.set_length(sizes.len() as u64);
    let mut rows = Vec::new();
    for backlog in sizes {
        bar.set_message(format!("{backlog} queued"));
        let bed = Bed::new(SimulatorSettings {
            per_second: PER_SECOND,
            latency: Duration::from_millis(50),
            latency_jitter: Duration::ZERO,
            ..SimulatorSettings::default()
        })?;
        bed.configure(|channel| {
            let jitter = SignedDuration::from_millis(25);
            channel.limit = RateLimit { per_second: PER_SECOND, jitter, strict: false };
        })?;
        // More messages than are sent, so that the sender does not reach the end of the queue.
        bed.preload(backlog + 200, 600, NO_RECEIPT)?;
        let run = Run { settings: SenderSettings::default(), killed_after: None, enough: SENT };
        let ran = bed.run(&Arc::new(LocalQueue::default()), &run)?;
        let each = ran.arrivals.len() as f64;
        rows.push(BacklogRow {
            backlog,
            sent: ran.arrivals.len(),
            requests_each: ran.usage.requests as f64 / each,
            read_units_each: ran.usage.read_units / each,
            write_units_each: ran.usage.write_units / each,
            cpu_us_each: ran.cpu.as_secs_f64() * 1e6 / each,
        });
        bar.inc(1);
    }
    Ok(rows)
}
