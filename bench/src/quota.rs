//! The sender at its highest limits, with the share of a processor that its memory gives it.

use std::time::Duration;

use alimi::domain::RateLimit;
use alimi_local::simulator::SimulatorSettings;
use indicatif::ProgressBar;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::bed::{Bed, NO_RECEIPT};
use crate::binaries::{Tools, bootstrap};
use crate::build::{Architecture, Builder, Profile};
use crate::cpu_quota::{CpuQuota, MEMORY_OF_ONE_PROCESSOR_MB};
use crate::function_measurements::{Emulator, stand_in_for_aws, wake};
use crate::program::Failure;
use crate::statistics::{over_limit, times};

const JITTER_MS: i64 = 25;
const LATENCY: Duration = Duration::from_millis(300);
/// More than one invocation sends.
const SECONDS: usize = 25;
/// The memory of the sender in `template.yaml` is one of these.
const MEMORIES_MB: [u32; 3] = [512, 1_024, MEMORY_OF_ONE_PROCESSOR_MB];
const LIMITS: [u32; 2] = [200, 300];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuotaRow {
    pub memory_mb: u32,
    pub per_second: u32,
    pub requests: usize,
    /// The share of N / (1 + J), where N is the limit and J the jitter allowance in seconds.
    pub utilisation: f64,
    pub busiest_second: usize,
    pub seconds_over: usize,
    /// Processor time of the function, as a share of what its memory gives it.
    pub processor_share: f64,
    /// The share of the time in which the function had used up its quota and had to wait.
    pub throttled_share: f64,
    pub cpu_us_each: f64,
}

/// Builds the released sender, and lets one invocation send at each limit with each share.
pub fn measure(bar: &ProgressBar, tools: &Tools) -> Result<Vec<QuotaRow>, Failure> {
    let emulator = Emulator::from_sam(&tools.sam)?;
    let builder = Builder::new(&tools.cargo_lambda)?;
    bar.set_length((MEMORIES_MB.len() * LIMITS.len()) as u64);
    bar.set_message("building the sender");
    let host = Architecture::of_this_machine()?;
    let folder = builder.build(host, Profile::Release, &["sender"])?;
    let sender = bootstrap(&folder, "sender");
    let mut rows = Vec::new();
    for memory_mb in MEMORIES_MB {
        for per_second in LIMITS {
            bar.set_message(format!("{memory_mb} MB, {per_second}/s"));
            rows.push(one(&emulator, &sender, memory_mb, per_second)?);
            bar.inc(1);
        }
    }
    Ok(rows)
}

fn one(
    emulator: &Emulator,
    sender: &std::path::Path,
    memory_mb: u32,
    per_second: u32,
) -> Result<QuotaRow, Failure> {
    let bed = Bed::new(SimulatorSettings {
        per_second,
        latency: LATENCY,
        latency_jitter: Duration::ZERO,
        ..SimulatorSettings::default()
    })?;
    bed.configure(|channel| {
        let jitter = SignedDuration::from_millis(JITTER_MS);
        channel.limit = RateLimit { per_second, jitter, strict: false };
        channel.timeouts.total = SignedDuration::from_secs(10);
    })?;
    bed.preload(per_second as usize * SECONDS, 600, NO_RECEIPT)?;
    let aws = bed.runtime.block_on(stand_in_for_aws())?;
    let quota = CpuQuota::of_memory(memory_mb)?;
    let emulated = emulator.start_one(sender, &bed, &aws, Some(&quota))?;
    bed.runtime.block_on(async {
        emulated.listening().await?;
        emulated.invoke(&wake()).await
    })?;
    let times = times(&bed.simulator.arrivals());
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Err("nothing arrived".into());
    };
    let seconds = (last - first) as f64 / 1e6;
    let goal = f64::from(per_second) / (1.0 + JITTER_MS as f64 / 1000.0);
    let cpu_s = emulated.cpu()?.as_secs_f64();
    let share = f64::from(memory_mb) / f64::from(MEMORY_OF_ONE_PROCESSOR_MB);
    let throttled_s = quota.throttled()?.as_secs_f64();
    drop(emulated);
    let (seconds_over, busiest_second) = over_limit(&times, per_second as usize);
    Ok(QuotaRow {
        memory_mb,
        per_second,
        requests: times.len(),
        utilisation: (times.len() - 1) as f64 / seconds / goal,
        busiest_second,
        seconds_over,
        processor_share: cpu_s / seconds / share,
        throttled_share: throttled_s / seconds,
        cpu_us_each: cpu_s * 1e6 / times.len() as f64,
    })
}
