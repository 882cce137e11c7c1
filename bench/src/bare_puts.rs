//! Puts of copies of a notification with the bare AWS client, to compare Alimi's speed with.

use std::collections::HashMap;
use std::time::Duration;

use alimi::ports::Clock;
use alimi::time::SystemClock;
use alimi_local::aws::embedded;
use alimi_local::stack::Stack;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::time::Instant;

use crate::bed::NO_RECEIPT;
use crate::program::Failure;
use crate::requests::create;

/// Requests in flight at one time, as many as a bulk request to `enqueue` uses.
const CONCURRENCY: usize = 16;

/// Puts of copies of one notification.
pub struct BarePuts<'a> {
    client: &'a Client,
    table: String,
    id: String,
    /// The creation time, in the form that sort keys have.
    time: String,
    first: HashMap<String, AttributeValue>,
}

impl<'a> BarePuts<'a> {
    /// Creates the notification that is copied.
    pub async fn new(stack: &Stack, client: &'a Client) -> Result<Self, Failure> {
        let id = create(stack, "first", 600, NO_RECEIPT).await?;
        let table = embedded::tables().notifications;
        let key = AttributeValue::S(id.clone());
        let first = client.get_item().table_name(&table).key("id", key).send().await?;
        let first = first.item.ok_or("the created notification is not stored")?;
        let sort = first.get("history_sk").and_then(|key| key.as_s().ok()).cloned();
        let time = sort.and_then(|key| Some(key.split_once('#')?.0.to_owned()));
        let time = time.ok_or("the stored notification has no history_sk with a time")?;
        Ok(Self { client, table, id, time, first })
    }

    /// Puts one copy, on the condition that its id is new.
    pub fn put(&self, index: usize) -> impl Future<Output = Result<(), Failure>> + use<> {
        // Real ids are hashes, which are spread over the table. Ordered ids would be cheaper to
        // insert.
        let mut randomness = SmallRng::seed_from_u64(index as u64);
        let id = format!("{:030x}", randomness.random::<u128>() >> 8);
        let now = format!("{:013}", SystemClock.now_ms());
        let mut item = self.first.clone();
        for (name, value) in &mut item {
            let AttributeValue::S(text) = value else { continue };
            *text = match name.as_str() {
                "history_pk" => format!("member-{index:07}"),
                // Indexes are ordered by time, so each copy gets its own time.
                "agenda_sk" | "history_sk" => text.replace(&self.time, &now).replace(&self.id, &id),
                _ => text.replace(&self.id, &id),
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

/// Calls `work` `count` times, sixteen at one time. Each call handles `each` notifications. Returns
/// the notifications a second.
pub async fn rate_per_second<A: Future<Output = Result<(), Failure>>>(
    count: usize,
    each: usize,
    work: impl Fn(usize) -> A,
) -> Result<f64, Failure> {
    let start = Instant::now();
    let mut in_flight = FuturesUnordered::new();
    for index in 0..count {
        if in_flight.len() >= CONCURRENCY
            && let Some(done) = in_flight.next().await
        {
            done?;
        }
        in_flight.push(work(index));
    }
    while let Some(done) = in_flight.next().await {
        done?;
    }
    let took: Duration = start.elapsed();
    Ok((count * each) as f64 / took.as_secs_f64())
}
