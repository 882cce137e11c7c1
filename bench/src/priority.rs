//! How long real-time messages wait behind a large batch, and what the lane reads for that.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::RateLimit;
use alimi::use_cases::SenderSettings;
use alimi_local::aws::embedded;
use alimi_local::aws::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::testing::database_usage::DatabaseUsage;
use indicatif::ProgressBar;
use jiff::SignedDuration;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::bed::{Bed, NO_RECEIPT, Run, RunResult};
use crate::program::Failure;
use crate::requests::{create, post};
use crate::statistics::{over_limit, percentile, times};

const PER_SECOND: u32 = 50;
const JITTER_MS: i64 = 25;
const BACKLOG: usize = 100_000;
const SECONDS: usize = 120;
const REAL_TIME: usize = 5 * SECONDS;

/// What the real-time messages compete with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// Nothing.
    Alone,
    /// A batch whose recipients are all in one time zone.
    Batch,
    /// A batch whose recipients are in 300 time zones. Their windows are open.
    Zones,
}

const ZONES: usize = 300;

impl Case {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Alone => "nothing",
            Self::Batch => "100,000 messages",
            Self::Zones => "100,000 messages, 300 time zones",
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PriorityResults {
    /// Absent in figures of earlier versions.
    #[serde(default)]
    pub rows: Vec<PriorityRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PriorityRow {
    pub case: Case,
    pub real_time: usize,
    /// From acceptance to arrival at the provider.
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub longest_ms: f64,
    /// Notifications that were created at least a second before the end and did not arrive.
    pub unsent: usize,
    /// The share of N / (1 + J) that was used, where N is the limit and J the jitter allowance in
    /// seconds. `None` when there was not enough to send.
    pub utilisation: Option<f64>,
    pub seconds_over: usize,
    /// The senders' requests to the database, and the units that they cost, each second.
    pub requests_a_second: f64,
    pub read_units_a_second: f64,
    pub waits_ms: Vec<f64>,
}

/// The goals for the messages that wait behind 100,000 others.
pub const GOAL_P50_MS: f64 = 40.0;
pub const GOAL_P99_MS: f64 = 100.0;

pub fn measure(bar: &ProgressBar) -> Result<PriorityResults, Failure> {
    let cases = [Case::Alone, Case::Batch, Case::Zones];
    bar.set_length(cases.len() as u64);
    let mut rows = Vec::new();
    for case in cases {
        rows.push(one(case, bar)?);
        bar.inc(1);
    }
    Ok(PriorityResults { rows })
}

fn one(case: Case, bar: &ProgressBar) -> Result<PriorityRow, Failure> {
    let describe = case.describe();
    bar.set_message(format!("queueing {describe}"));
    let bed = Bed::new(SimulatorSettings {
        per_second: PER_SECOND,
        latency: Duration::from_millis(300),
        latency_jitter: Duration::ZERO,
        ..SimulatorSettings::default()
    })?;
    bed.configure(|channel| {
        let jitter = SignedDuration::from_millis(JITTER_MS);
        channel.limit = RateLimit { per_second: PER_SECOND, jitter, strict: false };
    })?;
    let with_backlog = (SECONDS + 20) * PER_SECOND as usize * 40 / 41;
    let enough = match case {
        // The arrivals include a request for a token.
        Case::Alone => REAL_TIME,
        Case::Batch => {
            bed.preload(BACKLOG, 600, NO_RECEIPT)?;
            with_backlog
        }
        Case::Zones => {
            preload_zones(&bed)?;
            with_backlog
        }
    };
    bar.set_message(format!("real-time messages behind {describe}"));
    let queue = Arc::new(LocalQueue::default());
    let producer = produce(&bed, &queue);
    let run = Run { settings: SenderSettings::default(), killed_after: None, enough };
    let ran = bed.run(&queue, &run)?;
    if case != Case::Alone && !producer.is_finished() {
        return Err("the producer was too slow".into());
    }
    bed.runtime.block_on(producer)??;
    row(case, &bed, &ran)
}

/// Posts real-time messages at random moments that do not depend on the slots, five a second on
/// average.
fn produce(bed: &Bed, queue: &Arc<LocalQueue>) -> JoinHandle<Result<(), Failure>> {
    let stack = bed.stack(queue.clone(), &DatabaseUsage::default(), SenderSettings::default());
    bed.runtime.spawn(async move {
        let mut randomness = rand::rngs::SmallRng::seed_from_u64(7);
        for sent in 0..REAL_TIME {
            let pause_ms = randomness.random_range(0..400);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            create(&stack, &format!("real-time-{sent}"), 0, NO_RECEIPT).await?;
        }
        Ok(())
    })
}

fn row(case: Case, bed: &Bed, ran: &RunResult) -> Result<PriorityRow, Failure> {
    let times = times(&ran.arrivals);
    let (Some(first_us), Some(last_us)) = (times.first(), times.last()) else {
        return Err("nothing arrived".into());
    };
    let span_s = (last_us - first_us) as f64 / 1e6;
    let goal = f64::from(PER_SECOND) / (1.0 + JITTER_MS as f64 / 1000.0);
    let real_time: Vec<_> =
        bed.notifications()?.into_iter().filter(|n| n.priority.0 == 0).collect();
    let arrived_us = |id: &str| {
        let of_this = ran.arrivals.iter().filter(|arrival| {
            arrival.reference.as_ref().is_some_and(|reference| reference.id.as_str() == id)
        });
        of_this.map(|arrival| arrival.at_us).min()
    };
    let mut waits_ms = Vec::new();
    let mut unsent = 0;
    for notification in real_time {
        match arrived_us(notification.id.as_str()) {
            Some(at_us) => {
                waits_ms.push((at_us - 1000 * notification.created_at_ms) as f64 / 1000.0);
            }
            None => unsent += usize::from(notification.created_at_ms + 1000 < last_us / 1000),
        }
    }
    let (seconds_over, _) = over_limit(&times, PER_SECOND as usize);
    Ok(PriorityRow {
        case,
        real_time: waits_ms.len(),
        p50_ms: percentile(&mut waits_ms, 0.5),
        p95_ms: percentile(&mut waits_ms, 0.95),
        p99_ms: percentile(&mut waits_ms, 0.99),
        longest_ms: percentile(&mut waits_ms, 1.0),
        unsent,
        utilisation: (case != Case::Alone).then_some((times.len() - 1) as f64 / span_s / goal),
        seconds_over,
        requests_a_second: ran.usage.requests as f64 / span_s,
        read_units_a_second: ran.usage.read_units / span_s,
        waits_ms,
    })
}

/// Puts as many messages into the queue, for recipients in 300 time zones. `enqueue` creates the
/// first one of each zone. The others are copies that are written to the database directly.
fn preload_zones(bed: &Bed) -> Result<(), Failure> {
    let queue = Arc::new(LocalQueue::default());
    let stack = bed.stack(queue, &DatabaseUsage::default(), SenderSettings::default());
    let names = jiff::tz::db().available().map(|name| name.as_str().to_owned());
    let of_places = names.filter(|name| name.contains('/') && !name.starts_with("Etc/"));
    let zones: Vec<String> = of_places.take(ZONES).collect();
    let table = embedded::tables().notifications;
    for (place, zone) in zones.iter().enumerate() {
        let body = json!({
            "template": "consultation-start", "priority": 600,
            "to": { "id": "teacher-1", "phone": NO_RECEIPT, "timezone": zone },
            "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        });
        let posting = post(&stack, "/v1/notifications", zone, &body);
        let (status, answer) = bed.runtime.block_on(posting)?;
        let Some(id) = answer["id"].as_str().filter(|_| status < 300) else {
            return Err(format!("{status}: {answer}").into());
        };
        let key = json!({ "TableName": table, "Key": { "id": { "S": id } } });
        let first = bed.database.get_item(serde_json::from_value(key)?)?;
        let first = serde_json::to_value(first)?["Item"].to_string();
        let of_zone = BACKLOG / ZONES;
        let rest: Vec<usize> = (1..of_zone).map(|index| place * of_zone + index).collect();
        for page in rest.chunks(25) {
            let puts = page.iter().map(|index| {
                let item = first.replace(id, &format!("{index:030x}"));
                let item: Value = serde_json::from_str(&item)?;
                Ok(json!({ "PutRequest": { "Item": item } }))
            });
            let puts: Vec<Value> = puts.collect::<Result<_, Failure>>()?;
            let batch = json!({ "RequestItems": { (table.as_str()): puts } });
            bed.database.batch_write_item(serde_json::from_value(batch)?)?;
        }
    }
    Ok(())
}
