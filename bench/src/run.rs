//! A run of a schedule over a large audience, compared with puts of the same items with the bare
//! client.
//!
//! The trigger runs in a process of its own, so that its memory can be measured: the embedded
//! database keeps all items in the memory of the first process.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use alimi::domain::audience::AudienceSource;
use alimi::domain::audience::file::Member;
use alimi::domain::run::RunStatus;
use alimi::domain::{Audience, RunKey, Schedule};
use alimi::ports::{Members, Runs, StoredMember};
use alimi::providers::ReqwestHttp;
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::SenderSettings;
use alimi_local::aws::embedded;
use alimi_local::aws::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::stack::{Parts, Stack};
use alimi_local::testing::recording_meter::RecordingMeter;
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::bare_puts::{BarePuts, rate_per_second};
use crate::bed::{Bed, NO_RECEIPT};
use crate::program::Failure;

/// The number of bare puts between two invocations of the trigger.
const PUTS: usize = 1_000;

/// The time of each invocation of the trigger.
const INVOCATION: Duration = Duration::from_secs(1);

const AT: &str = "2026-03-02T10:00:00+09:00";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRow {
    pub members: usize,
    /// Notifications a second that the run stored.
    pub stored: f64,
    /// Bare conditional puts of the same items a second. They are made before, between and after
    /// the invocations, since the embedded database slows down as its tables grow.
    pub bare_puts: f64,
    /// The most memory that the trigger's process ever held, in MiB.
    pub peak_mib: f64,
}

pub fn measure(bar: &ProgressBar) -> Result<Vec<RunRow>, Failure> {
    let sizes = [1_000, 10_000, 100_000];
    bar.set_length(sizes.len() as u64);
    let measured = sizes.into_iter().map(|members| {
        bar.set_message(format!("a run over {members} members"));
        let row = one(members);
        bar.inc(1);
        row
    });
    measured.collect()
}

fn one(members: usize) -> Result<RunRow, Failure> {
    let bed = Bed::new(SimulatorSettings::default())?;
    bed.configure(|_| {})?;
    let store = bed.store_in_process();
    let version = "v1".to_owned();
    bed.runtime.block_on(async {
        for n in 0..members {
            let variables = [("name", "김하나"), ("code", "a1"), ("date", "3월 2일")];
            let member = Member {
                id: format!("member-{n:07}"),
                phone: Some(NO_RECEIPT.to_owned()),
                timezone: None,
                variables: variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            };
            let stored = StoredMember { line: n as u64 + 2, member };
            let _new = store.put_member("all", &version, &stored).await?;
        }
        let source =
            AudienceSource::Members { version: Some(version.clone()), size: members as u64 };
        store.put_audience(&Audience { name: "all".into(), source }).await?;
        let schedule: Schedule = serde_json::from_value(json!({
            "name": "daily", "expression": "rate(1 day)", "template": "consultation-start",
            "audience": "all",
        }))?;
        store.put_schedule(&schedule).await?;
        Ok::<_, Failure>(())
    })?;
    let output = Command::new(std::env::current_exe()?)
        .args(["run-worker", "--endpoint", bed.endpoint(), "--members", &members.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The run, in the other process.
pub fn work(endpoint: &str, members: usize) -> Result<RunRow, Failure> {
    let function = Builder::new_current_thread().enable_all().build()?;
    let client = embedded::client_over_tcp(endpoint);
    let clock = Arc::new(SystemClock);
    let store = Arc::new(DynamoStore::new(client.clone(), embedded::tables(), clock.clone()));
    let mut stack = Stack::new(Parts {
        store: store.clone(),
        queue: Arc::new(LocalQueue::default()),
        http: Arc::new(ReqwestHttp::new()),
        meter: Arc::new(RecordingMeter::default()),
        clock,
        randomness: Arc::new(SystemRandomness),
        sender_settings: SenderSettings::default(),
    });
    stack.trigger.settings.puts_per_second = None;
    let bare_puts = function.block_on(BarePuts::new(&stack, &client))?;
    let mut done = 0;
    let mut put_some = || {
        let first = done;
        done += PUTS;
        function.block_on(rate_per_second(PUTS, 1, |index| bare_puts.put(first + index)))
    };
    // The first puts open the connections and are not measured.
    put_some()?;

    let at: Timestamp = AT.parse()?;
    let key = RunKey::new("daily", at);
    let time_left = stack.trigger.settings.margin + INVOCATION;
    let mut puts = vec![put_some()?];
    let mut took = Duration::ZERO;
    loop {
        let start = Instant::now();
        function.block_on(stack.trigger.run(&key, time_left))?;
        took += start.elapsed();
        puts.push(put_some()?);
        let run = function.block_on(store.run(&key))?.ok_or("the run is not stored")?;
        match run.status {
            RunStatus::Sending if run.counts.stored == members as u64 => break,
            RunStatus::Storing => {}
            RunStatus::Sending
            | RunStatus::Finished
            | RunStatus::Missed
            | RunStatus::Failed
            | RunStatus::Cancelling
            | RunStatus::Cancelled => {
                return Err(format!("{:?}: {:?}", run.counts, run.failure).into());
            }
        }
    }
    // Every group has the same number of puts, so the rate over all is the harmonic mean.
    let bare_puts = puts.len() as f64 / puts.iter().map(|rate| rate.recip()).sum::<f64>();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak_kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next())
        .ok_or("/proc/self/status has no VmHWM")?
        .parse()?;
    Ok(RunRow {
        members,
        stored: members as f64 / took.as_secs_f64(),
        bare_puts,
        peak_mib: peak_kib / 1024.0,
    })
}
