//! A run of a schedule over a large audience, against the same puts made with the bare client.
//!
//! The trigger works in a process of its own, so that its memory is its own: the embedded database
//! holds all that was stored in the first one.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use alimi::aws::ReqwestHttp;
use alimi::delivery::DrainSettings;
use alimi::domain::audience::AudienceSource;
use alimi::domain::audience::file::Member;
use alimi::domain::run::RunStatus;
use alimi::domain::{Audience, RunKey, Schedule};
use alimi::ports::scheduling::{Members, Runs, StoredMember};
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemEntropy};
use alimi_local::embedded;
use alimi_local::figures::Ledger;
use alimi_local::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::stack::{Parts, Stack};
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::bed::{Bed, Failure, NO_RECEIPT};
use crate::enqueue::{Copies, per_second};

/// Bare puts in a row.
const PUTS: usize = 1_000;

/// How long the run works between two rows of bare puts.
const INVOCATION: Duration = Duration::from_secs(1);

const AT: &str = "2026-03-02T10:00:00+09:00";

/// One size of audience.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub members: usize,
    /// Notifications stored a second.
    pub stored: f64,
    /// Bare conditional puts of the same items a second, made before, between and after the run's
    /// invocations: the embedded database slows down as its tables grow.
    pub bare_puts: f64,
    /// The most memory that the trigger's process ever held, in MiB.
    pub peak_mib: f64,
}

/// Measures each size.
pub fn measure(bar: &ProgressBar) -> Result<Vec<Row>, Failure> {
    let sizes = [1_000, 10_000, 100_000];
    bar.set_length(sizes.len() as u64);
    let measured = sizes.into_iter().map(|members| {
        bar.set_message(format!("a run over {members}"));
        let row = one(members);
        bar.inc(1);
        row
    });
    measured.collect()
}

fn one(members: usize) -> Result<Row, Failure> {
    let bed = Bed::new(SimulatorSettings::default())?;
    bed.configure(|_| {})?;
    let store = bed.store_within();
    let version = "v1".to_owned();
    bed.world.block_on(async {
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

/// What the other process does.
pub fn work(endpoint: &str, members: usize) -> Result<Row, Failure> {
    let function = Builder::new_current_thread().enable_all().build()?;
    let client = embedded::client_over_tcp(endpoint);
    let clock = Arc::new(SystemClock);
    let store = Arc::new(DynamoStore::new(client.clone(), embedded::tables(), clock.clone()));
    let mut stack = Stack::new(Parts {
        store: store.clone(),
        queue: Arc::new(LocalQueue::default()),
        http: Arc::new(ReqwestHttp::new()),
        meter: Arc::new(Ledger::default()),
        clock,
        entropy: Arc::new(SystemEntropy),
        settings: DrainSettings::default(),
    });
    stack.runner.settings.puts_per_second = None;
    let copies = function.block_on(Copies::new(&stack, &client))?;
    let mut done = 0;
    let mut put_some = || {
        let first = done;
        done += PUTS;
        function.block_on(per_second(PUTS, 1, |index| copies.put(first + index)))
    };
    // Connections are opened before anything is measured.
    put_some()?;

    let at: Timestamp = AT.parse()?;
    let key = RunKey::new("daily", at);
    let time_left = stack.runner.settings.margin + INVOCATION;
    let mut puts = vec![put_some()?];
    let mut took = Duration::ZERO;
    loop {
        let start = Instant::now();
        function.block_on(stack.runner.run(&key, time_left))?;
        took += start.elapsed();
        puts.push(put_some()?);
        let run = function.block_on(store.run(&key))?.ok_or("there is no run")?;
        match run.status {
            RunStatus::Finished if run.counts.stored == members as u64 => break,
            RunStatus::Running => {}
            RunStatus::Finished | RunStatus::Missed | RunStatus::Failed => {
                return Err(format!("{:?}: {:?}", run.counts, run.failure).into());
            }
        }
    }
    // Each stretch has as many puts, so their rate over all is the harmonic mean.
    let bare_puts = puts.len() as f64 / puts.iter().map(|rate| rate.recip()).sum::<f64>();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak_kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next())
        .ok_or("no peak memory")?
        .parse()?;
    Ok(Row {
        members,
        stored: members as f64 / took.as_secs_f64(),
        bare_puts,
        peak_mib: peak_kib / 1024.0,
    })
}
