//! Runs of schedules: one item for each schedule and time. A sparse index lists the runs that have
//! not ended.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{ConditionalPut, Item, number, text};
use super::row_versions::{put_unknown, refuse_newer, schema_of, take_unknown, undecodable};
use crate::domain::RunKey;
use crate::domain::name::is_name;
use crate::domain::run::{Run, RunStatus};
use crate::ports::{PortError, Runs, Saved};

/// The partitions of the index, by the status of their runs. Few runs have these at a time.
const STORING: &str = "storing";
const SENDING: &str = "sending";
const CANCELLING: &str = "cancelling";

/// How long a run is kept after it has ended: an operator can look up the same day of last year.
const RETENTION_S: i64 = 400 * 24 * 60 * 60;

/// UTC with a fixed width: text order is time order.
fn sort_key(scheduled_at: Timestamp) -> String {
    format!("{scheduled_at:.0}")
}

/// The attributes that are written beside the fields, or instead of them.
const DERIVED: &[&str] = &["scheduled_at", "schedule", "ttl", "unfinished"];

/// The item of a run.
///
/// # Errors
/// [`PortError::Unusable`] when a newer version of the code has written the run.
fn to_item(run: &Run) -> Result<Item, PortError> {
    refuse_newer(Table::Runs, run.schema, Run::SCHEMA)?;
    let run_now = Run { schema: Run::SCHEMA, ..run.clone() };
    let mut item: Item =
        serde_dynamo::to_item(&run_now).map_err(|_| unusable(Table::Runs, UNDECODABLE))?;
    item.remove("key");
    item.insert("schedule".into(), text(&run.key.schedule));
    item.insert("scheduled_at".into(), text(sort_key(run.key.scheduled_at)));
    let partition = match run.status {
        RunStatus::Storing => Some(STORING),
        RunStatus::Sending => Some(SENDING),
        RunStatus::Cancelling => Some(CANCELLING),
        RunStatus::Finished | RunStatus::Missed | RunStatus::Failed | RunStatus::Cancelled => None,
    };
    if let Some(partition) = partition {
        item.insert("unfinished".into(), text(partition));
    }
    if let Some(ended_at_ms) = run.ended_at_ms {
        item.insert("ttl".into(), number(ended_at_ms / 1000 + RETENTION_S));
    }
    put_unknown(&mut item, &run.unknown, Table::Runs)?;
    Ok(item)
}

fn from_item(mut item: Item) -> Result<Run, PortError> {
    let schema = schema_of(&item);
    let unknown = take_unknown::<Run>(&mut item, DERIVED, Table::Runs)?;
    let key = ["schedule", "scheduled_at"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), item.remove(name)?)))
        .collect();
    item.insert("key".into(), AttributeValue::M(key));
    let run: Run =
        serde_dynamo::from_item(item).map_err(|_| undecodable(Table::Runs, schema, Run::SCHEMA))?;
    Ok(Run { unknown, ..run })
}

impl DynamoStore {
    /// Puts a run on the condition that the stored fence is `fence`; `None`: that no run is stored.
    async fn put_run(&self, run: &Run, fence: Option<u64>) -> Result<ConditionalPut, PortError> {
        let item = to_item(run)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.runs)
            .set_item(Some(item.clone()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match fence {
            None => put
                .condition_expression("attribute_not_exists(#schedule)")
                .expression_attribute_names("#schedule", "schedule"),
            Some(fence) => put
                .condition_expression("fence = :fence")
                .expression_attribute_values(":fence", number(fence)),
        };
        let Err(error) = put.send().await else { return Ok(ConditionalPut::Done) };
        match error.as_service_error() {
            // The client repeats a put whose response was lost, and then meets its own write.
            Some(PutItemError::ConditionalCheckFailedException(failed))
                if failed.item() == Some(&item) =>
            {
                Ok(ConditionalPut::Done)
            }
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(ConditionalPut::Conflict(failed.item.clone()))
            }
            _ => Err(unavailable(Table::Runs, &error)),
        }
    }
}

impl DynamoStore {
    /// Runs of a partition of the index, behind `after`.
    async fn indexed_runs(
        &self,
        partition: &str,
        after: Option<&RunKey>,
        limit: usize,
    ) -> Result<Vec<RunKey>, PortError> {
        // Several runs may have the same time, so a condition on the time would leave some out.
        let start = after.map(|RunKey { schedule, scheduled_at }| {
            Item::from([
                ("unfinished".to_owned(), text(partition)),
                ("schedule".to_owned(), text(schedule)),
                ("scheduled_at".to_owned(), text(sort_key(*scheduled_at))),
            ])
        });
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.runs)
            .index_name("unfinished")
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .key_condition_expression("unfinished = :partition")
            .expression_attribute_values(":partition", text(partition))
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while keys.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| unavailable(Table::Runs, &error))?;
            let key = serde_dynamo::from_item(item)
                .map_err(|_| unusable(Table::Runs, "an entry of the index does not decode"))?;
            keys.push(key);
        }
        Ok(keys)
    }
}

#[async_trait]
impl Runs for DynamoStore {
    async fn create_run(&self, run: &Run) -> Result<Option<Run>, PortError> {
        match self.put_run(run, None).await? {
            ConditionalPut::Done => Ok(None),
            ConditionalPut::Conflict(Some(item)) => from_item(item).map(Some),
            ConditionalPut::Conflict(None) => self.run(&run.key).await,
        }
    }

    async fn run(&self, key: &RunKey) -> Result<Option<Run>, PortError> {
        // No schedule has such a name, and DynamoDB refuses some of these texts as a key.
        if !is_name(&key.schedule) {
            return Ok(None);
        }
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.runs)
            .key("schedule", text(&key.schedule))
            .key("scheduled_at", text(sort_key(key.scheduled_at)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(Table::Runs, &error))?;
        found.item.map(from_item).transpose()
    }

    async fn save_run(&self, run: &Run, fence: u64) -> Result<Saved, PortError> {
        Ok(match self.put_run(run, Some(fence)).await? {
            ConditionalPut::Done => Saved::Done,
            ConditionalPut::Conflict(_) => Saved::Conflict,
        })
    }

    async fn runs(&self, schedule: &str, limit: usize) -> Result<Vec<Run>, PortError> {
        if !is_name(schedule) {
            return Ok(vec![]);
        }
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.runs)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .key_condition_expression("#schedule = :schedule")
            .expression_attribute_names("#schedule", "schedule")
            .expression_attribute_values(":schedule", text(schedule))
            .into_paginator()
            .items()
            .send();
        let mut runs = Vec::new();
        while runs.len() < limit
            && let Some(item) = items.next().await
        {
            runs.push(from_item(item.map_err(|error| unavailable(Table::Runs, &error))?)?);
        }
        Ok(runs)
    }

    async fn storing_runs(&self, limit: usize) -> Result<Vec<RunKey>, PortError> {
        self.indexed_runs(STORING, None, limit).await
    }

    async fn sending_runs(
        &self,
        after: Option<&RunKey>,
        limit: usize,
    ) -> Result<Vec<RunKey>, PortError> {
        self.indexed_runs(SENDING, after, limit).await
    }

    async fn cancelling_runs(&self, limit: usize) -> Result<Vec<RunKey>, PortError> {
        self.indexed_runs(CANCELLING, None, limit).await
    }
}
