//! The departures a second of the local stack while its tables and its change feeds grow.
//!
//! The stack is that of `cargo xtask serve`, as the README has it: another process, built without
//! optimisation, which is reached over HTTP.

use std::time::Duration;

use alimi_local::aws::embedded::{self, CHANGES_TABLE, part_of_changes};
use aws_sdk_dynamodb::Client as DynamoClient;
use aws_sdk_dynamodb::types::AttributeValue;
use indicatif::ProgressBar;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::program::Failure;
use crate::served_stack::ServedStack;

/// Messages a second, and how they are posted.
pub const LOADS: [Load; 2] =
    [Load { per_second: 50, bulk: 1 }, Load { per_second: 200, bulk: 100 }];

/// The channel's limit is higher than the load by this share, so that the lane can keep up.
const ROOM: f64 = 1.2;
/// The time from one look at the stack to the next.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// A measurement fails when nothing departs for this long.
const STUCK: Duration = Duration::from_secs(60);

/// How messages are posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    pub per_second: u32,
    /// The messages of each request.
    pub bulk: u32,
}

impl Load {
    pub fn describe(self) -> String {
        let Self { per_second, bulk } = self;
        match bulk {
            1 => format!("{per_second}/s, one a request"),
            _ => format!("{per_second}/s, {bulk} a request"),
        }
    }

    fn limit(self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let limit = (f64::from(self.per_second) * ROOM) as u32;
        limit
    }

    fn post_every(self) -> Duration {
        Duration::from_secs(1) * self.bulk / self.per_second
    }
}

/// What is known at one moment.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    pub seconds: f64,
    /// Messages that were accepted with 202.
    pub posted: u64,
    /// Messages that the provider took.
    pub departed: u64,
    /// Receipts that the webhook accepted.
    pub receipts: u64,
    /// Writes to the notifications table. Each is in its change feed.
    pub writes: u64,
    /// The memory of the stack's process, in MiB.
    pub memory_mib: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServeRow {
    pub load: Load,
    /// The channel's limit.
    pub limit: u32,
    /// One for every ten seconds, the first at the beginning.
    pub samples: Vec<Sample>,
    /// Requests that were not answered with 202.
    pub refused: u64,
}

/// Measures the loads that are asked for, each with a new stack, until this many writes or this time.
pub fn measure(
    bar: &ProgressBar,
    only: Option<u32>,
    writes: u64,
    time: Option<Duration>,
    mut known: Vec<ServeRow>,
    keep: impl Fn(&[ServeRow]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let is_asked = |load: &Load| only.is_none_or(|per_second| load.per_second == per_second);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for load in LOADS.into_iter().filter(is_asked) {
        bar.set_message(format!("{}: the stack starts", load.describe()));
        let stack = ServedStack::start(load.limit())?;
        bar.set_length(writes);
        let row = runtime.block_on(one(bar, &stack, load, writes, time))?;
        known.retain(|row| row.load != load);
        known.push(row);
        known.sort_by_key(|row| row.load.per_second);
        keep(&known)?;
    }
    Ok(())
}

async fn one(
    bar: &ProgressBar,
    stack: &ServedStack,
    load: Load,
    writes: u64,
    time: Option<Duration>,
) -> Result<ServeRow, Failure> {
    let client = Client::new();
    let dynamo = embedded::client_over_tcp(&stack.database_url);
    let start = Instant::now();
    let mut row = ServeRow { load, limit: load.limit(), samples: vec![], refused: 0 };
    let (mut posted, mut number) = (0, 0);
    let mut posts: JoinSet<u32> = JoinSet::new();
    let mut post_ticks = interval(load.post_every());
    post_ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut sample_ticks = interval(SAMPLE_EVERY);
    let mut departed_at = start;
    loop {
        tokio::select! {
            biased;
            _ = sample_ticks.tick() => {
                let sample = sample(&client, &dynamo, stack, start, posted).await?;
                let last = row.samples.last().copied().unwrap_or_default();
                report(bar, last, sample);
                if sample.departed > last.departed {
                    departed_at = Instant::now();
                }
                row.samples.push(sample);
                let is_over = time.is_some_and(|time| start.elapsed() >= time);
                if sample.writes >= writes || is_over {
                    return Ok(row);
                }
                if departed_at.elapsed() > STUCK {
                    return Err(format!("nothing departs any more: {sample:?}").into());
                }
            }
            Some(accepted) = posts.join_next() => match accepted? {
                0 => row.refused += 1,
                accepted => posted += u64::from(accepted),
            },
            _ = post_ticks.tick() => {
                number += 1;
                posts.spawn(post(client.clone(), stack.api_url.clone(), number, load.bulk));
            }
        }
    }
}

/// Posts messages, and returns how many were accepted.
async fn post(client: Client, api_url: String, number: u64, count: u32) -> u32 {
    let messages: Vec<Value> = (0..count).map(|place| message(number, place)).collect();
    let body = match count {
        1 => messages.into_iter().next().unwrap_or_default(),
        _ => Value::Array(messages),
    };
    let answer = client
        .post(format!("{api_url}/v1/notifications"))
        .header("content-type", "application/json")
        .header("idempotency-key", format!("bench-{number}"))
        .body(body.to_string())
        .send()
        .await;
    let is_accepted = answer.is_ok_and(|answer| answer.status().is_success());
    if is_accepted { count } else { 0 }
}

fn message(number: u64, place: u32) -> Value {
    json!({
        "template": "consultation-start",
        "to": { "id": format!("teacher-{number}-{place}"), "phone": "010-1234-5678" },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    })
}

async fn sample(
    client: &Client,
    dynamo: &DynamoClient,
    stack: &ServedStack,
    start: Instant,
    posted: u64,
) -> Result<Sample, Failure> {
    let counts = client.get(format!("{}/_sim/counts", stack.provider_url)).send().await?;
    let counts: Value = serde_json::from_slice(&counts.bytes().await?)?;
    let count = |name: &str| counts[name].as_u64().unwrap_or(0);
    Ok(Sample {
        seconds: start.elapsed().as_secs_f64(),
        posted,
        departed: count("messages"),
        receipts: count("receipts"),
        writes: writes(dynamo).await?,
        memory_mib: stack.memory_mib()?,
    })
}

/// The number of the last change of the notifications table.
async fn writes(dynamo: &DynamoClient) -> Result<u64, Failure> {
    let part = part_of_changes(&embedded::tables().notifications);
    let page = dynamo
        .query()
        .table_name(CHANGES_TABLE)
        .key_condition_expression("part = :part")
        .expression_attribute_values(":part", AttributeValue::S(part))
        .scan_index_forward(false)
        .limit(1)
        .send()
        .await?;
    let last = page.items().first().and_then(|item| item.get("name")?.as_s().ok());
    Ok(last.map_or(Ok(0), |number| number.parse())?)
}

fn report(bar: &ProgressBar, last: Sample, now: Sample) {
    bar.set_position(now.writes);
    let seconds = (now.seconds - last.seconds).max(0.001);
    let rate = now.departed.saturating_sub(last.departed) as f64 / seconds;
    let waiting = now.posted.saturating_sub(now.departed);
    bar.set_message(format!("{rate:.0} departures a second, {waiting} wait"));
}
