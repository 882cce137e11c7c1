//! How many notifications a second are taken in, against the same puts made with the bare client.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use alimi::delivery::DrainSettings;
use alimi::ports::Clock;
use alimi::time::SystemClock;
use alimi_local::embedded;
use alimi_local::meter::DatabaseMeter;
use alimi_local::queue::LocalQueue;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::stack::Stack;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use indicatif::ProgressBar;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::bed::{Bed, Failure, NO_RECEIPT, enqueue, post};

/// Requests under way at once: what a bulk request itself uses.
const CONCURRENCY: usize = 16;
const ROUNDS: usize = 5;
const SINGLES: usize = 800;
const BULK: usize = 100;
const BULKS: usize = 8;

/// What was measured: notifications a second, the median of the rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    pub bare_puts: f64,
    pub single: f64,
    pub bulk: f64,
}

/// Measures, the three taking turns.
pub fn measure(bar: &ProgressBar) -> Result<Figures, Failure> {
    bar.set_length(3 * ROUNDS as u64);
    let bed = Bed::new(SimulatorSettings::default())?;
    bed.configure(|_| {})?;
    let functions = Builder::new_current_thread().enable_all().build()?;
    let stack = bed.stack(
        Arc::new(LocalQueue::default()),
        &DatabaseMeter::default(),
        DrainSettings::default(),
    );
    let client = embedded::client_over_tcp(bed.endpoint());
    let copies = functions.block_on(Copies::new(&stack, &client))?;
    let (mut puts, mut singles, mut bulks) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        bar.set_message("bare conditional puts");
        let bare = per_second(SINGLES, 1, |index| copies.put(round * SINGLES + index));
        puts.push(functions.block_on(bare)?);
        bar.inc(1);
        bar.set_message("one by one");
        singles.push(functions.block_on(per_second(SINGLES, 1, |index| {
            let key = format!("single-{round}-{index}");
            let stack = &stack;
            async move { enqueue(stack, &key, 600, NO_RECEIPT).await.map(|_| ()) }
        }))?);
        bar.inc(1);
        bar.set_message(format!("in bulk of {BULK}"));
        let mut rate = 0.0;
        for index in 0..BULKS {
            let key = format!("bulk-{round}-{index}");
            // One request at a time: it works on its items at once itself.
            let one = per_second(1, BULK, |_| bulk(&stack, key.clone()));
            rate += functions.block_on(one)? / BULKS as f64;
        }
        bulks.push(rate);
        bar.inc(1);
    }
    let median = |values: &mut Vec<f64>| crate::measure::percentile(values, 0.5);
    Ok(Figures {
        bare_puts: median(&mut puts),
        single: median(&mut singles),
        bulk: median(&mut bulks),
    })
}

/// Puts of copies of a notification, made with the bare client.
pub struct Copies<'a> {
    client: &'a Client,
    table: String,
    id: String,
    /// When it was taken in, as sort keys have it.
    time: String,
    first: HashMap<String, AttributeValue>,
}

impl<'a> Copies<'a> {
    /// Takes one notification in, to be copied.
    pub async fn new(stack: &Stack, client: &'a Client) -> Result<Self, Failure> {
        let id = enqueue(stack, "first", 600, NO_RECEIPT).await?;
        let table = embedded::tables().notifications;
        let key = AttributeValue::S(id.clone());
        let first = client.get_item().table_name(&table).key("id", key).send().await?;
        let first = first.item.ok_or("it is not there")?;
        let taken_in = first.get("history_sk").and_then(|key| key.as_s().ok()).cloned();
        let time = taken_in.and_then(|key| Some(key.split_once('#')?.0.to_owned()));
        Ok(Self { client, table, id, time: time.ok_or("it has no history")?, first })
    }

    /// Puts one copy, on the condition that its id is new.
    pub fn put(&self, index: usize) -> impl Future<Output = Result<(), Failure>> + use<> {
        // Ids are hashes, which fall anywhere in a table: ordered ones would be cheaper to insert.
        let mut dice = SmallRng::seed_from_u64(index as u64);
        let own = format!("{:030x}", dice.random::<u128>() >> 8);
        let now = format!("{:013}", SystemClock.now_ms());
        let mut item = self.first.clone();
        for (name, value) in &mut item {
            let AttributeValue::S(text) = value else { continue };
            *text = match name.as_str() {
                "history_pk" => format!("member-{index:07}"),
                // As they are taken in: indexes are ordered by time.
                "agenda_sk" | "history_sk" => {
                    text.replace(&self.time, &now).replace(&self.id, &own)
                }
                _ => text.replace(&self.id, &own),
            };
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(id)");
        async move { put.send().await.map(|_| ()).map_err(Into::into) }
    }
}

async fn bulk(stack: &Stack, key: String) -> Result<(), Failure> {
    let one = json!({
        "template": "consultation-start",
        "to": { "id": "teacher-1", "phone": NO_RECEIPT },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "priority": 600,
    });
    let (status, answer) =
        post(stack, "/v1/notifications", &key, &Value::Array(vec![one; BULK])).await?;
    if status < 300 { Ok(()) } else { Err(format!("{status}: {answer}").into()) }
}

/// Does `work` so often, sixteen at once, each of `each` things, and answers with how many things
/// that is a second.
pub async fn per_second<A: Future<Output = Result<(), Failure>>>(
    count: usize,
    each: usize,
    work: impl Fn(usize) -> A,
) -> Result<f64, Failure> {
    let start = Instant::now();
    let mut under_way = FuturesUnordered::new();
    for index in 0..count {
        if under_way.len() >= CONCURRENCY
            && let Some(done) = under_way.next().await
        {
            done?;
        }
        under_way.push(work(index));
    }
    while let Some(done) = under_way.next().await {
        done?;
    }
    let took: Duration = start.elapsed();
    Ok((count * each) as f64 / took.as_secs_f64())
}
