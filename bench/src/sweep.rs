//! What a round of the sweeper costs while messages await their receipts.

use std::sync::Arc;

use alimi::domain::{Channel, PacerPosition};
use alimi::ports::{Acquired, Catalog, Clock, Lanes, LeaseTerms, Saved, WakeGroup};
use alimi::time::SystemClock;
use alimi::use_cases::SenderSettings;
use alimi_local::aws::embedded;
use alimi_local::aws::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::stack::Stack;
use alimi_local::testing::database_usage::DatabaseUsage;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bed::{Bed, CHANNEL, NO_RECEIPT};
use crate::program::Failure;
use crate::requests::create;
use crate::statistics::percentile;

const CHANNELS: usize = 20;
const AWAITING: [usize; 3] = [0, 10_000, 100_000];
const ROUNDS: usize = 9;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SweepRow {
    pub channels: usize,
    /// Accepted messages whose receipts have not come.
    pub awaiting: usize,
    /// Of one round, as is everything below.
    pub requests: f64,
    pub read_units: f64,
    pub write_units: f64,
    /// The median.
    pub wall_ms: f64,
}

pub fn measure(bar: &ProgressBar) -> Result<Vec<SweepRow>, Failure> {
    bar.set_length(AWAITING.len() as u64);
    let bed = Bed::new(SimulatorSettings::default())?;
    bed.configure(|_| {})?;
    let names: Vec<String> = (1..CHANNELS).map(|n| format!("channel-{n:02}")).collect();
    bed.runtime.block_on(add_channels(&bed, &names))?;
    let usage = DatabaseUsage::default();
    let stack = bed.stack(Arc::new(LocalQueue::default()), &usage, SenderSettings::default());
    let (id, accepted) = accepted_row(&bed, &stack)?;

    let mut rows = Vec::new();
    let mut stored = 0;
    for awaiting in AWAITING {
        bar.set_message(format!("{awaiting} await their receipts"));
        let copies = (stored..awaiting).map(|n| {
            // All channels have equally many.
            let channel = names.get(n % CHANNELS).map_or(CHANNEL, String::as_str);
            accepted.replace(&id, &format!("{n:030x}")).replace(CHANNEL, channel)
        });
        store(&bed, copies)?;
        stored = awaiting;
        rows.push(bed.runtime.block_on(measure_rounds(&stack, &usage, awaiting))?);
        bar.inc(1);
    }
    Ok(rows)
}

async fn measure_rounds(
    stack: &Stack,
    usage: &DatabaseUsage,
    awaiting: usize,
) -> Result<SweepRow, Failure> {
    let sweeper = &stack.sweeper.sweeper;
    // The first round opens connections.
    sweeper.round().await?;
    let before = usage.total();
    let mut wall_ms = Vec::new();
    for _ in 0..ROUNDS {
        let began_at = Instant::now();
        let report = sweeper.round().await?;
        wall_ms.push(began_at.elapsed().as_secs_f64() * 1e3);
        if report.deadlines_closed > 0 || report.channels_failed > 0 {
            return Err(format!("the round was not idle: {report:?}").into());
        }
    }
    let used = usage.total().since(before);
    Ok(SweepRow {
        channels: CHANNELS,
        awaiting,
        requests: used.requests as f64 / ROUNDS as f64,
        read_units: used.read_units / ROUNDS as f64,
        write_units: used.write_units / ROUNDS as f64,
        wall_ms: percentile(&mut wall_ms, 0.5),
    })
}

/// Stores copies of the example's channel. The lane of each has been drained before.
async fn add_channels(bed: &Bed, names: &[String]) -> Result<(), Failure> {
    let store = bed.store_in_process();
    let channel = store.channel(CHANNEL).await?.ok_or("the example has no such channel")?;
    for (n, name) in names.iter().enumerate() {
        let copy = Channel { name: name.clone(), ..channel.clone() };
        store.put_channel(&copy).await?;
        let now_ms = SystemClock.now_ms();
        let terms = LeaseTerms {
            now_ms,
            until_ms: now_ms + 10_000,
            skew_ms: 500,
            confirm_within_ms: copy.own_confirm_within_ms(),
            holder: n as u64,
            group: WakeGroup::Zero,
            wake_sent_at_ms: None,
            despite_pause: false,
        };
        let Acquired::Leased(lease) = store.acquire(name, terms).await? else {
            return Err(format!("the lane of {name} is taken").into());
        };
        if store.release(&lease, PacerPosition::default()).await? != Saved::Done {
            return Err(format!("the lane of {name} was taken over").into());
        }
        store.close_drain(name, lease.fence).await?;
    }
    Ok(())
}

/// Sends one message, and returns its id and its row in DynamoDB's JSON.
fn accepted_row(bed: &Bed, stack: &Stack) -> Result<(String, String), Failure> {
    let id = bed.runtime.block_on(create(stack, "first", 0, NO_RECEIPT))?;
    bed.runtime.block_on(stack.sender.drain(CHANNEL, WakeGroup::Zero, None))?;
    let table = embedded::tables().notifications;
    let key = json!({ "TableName": table, "Key": { "id": { "S": id } } });
    let row = bed.database.get_item(serde_json::from_value(key)?)?;
    let row = serde_json::to_value(row)?["Item"].clone();
    if row["status"]["S"] != "accepted" {
        return Err(format!("the message was not accepted: {}", row["status"]).into());
    }
    Ok((id, row.to_string()))
}

/// Writes rows to the database directly, which is faster.
fn store(bed: &Bed, rows: impl Iterator<Item = String>) -> Result<(), Failure> {
    let table = embedded::tables().notifications;
    let rows: Vec<String> = rows.collect();
    for page in rows.chunks(25) {
        let puts = page.iter().map(|row| {
            let item: Value = serde_json::from_str(row)?;
            Ok(json!({ "PutRequest": { "Item": item } }))
        });
        let puts: Vec<Value> = puts.collect::<Result<_, Failure>>()?;
        let batch = json!({ "RequestItems": { (table.as_str()): puts } });
        bed.database.batch_write_item(serde_json::from_value(batch)?)?;
    }
    Ok(())
}
