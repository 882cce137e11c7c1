//! The groups index of the notifications table, and the statuses of the notifications that it lists.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use serde::Deserialize;

use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::item::{Item, text};
use crate::domain::{Group, Status};
use crate::ports::{GroupMember, Groups, MemberState, PortError};

/// The most items that DynamoDB reads in one request.
const BATCH: usize = 100;

/// Tries of a batch. DynamoDB may read a batch only in part.
const TRIES: u32 = 8;

/// What is read of a row.
#[derive(Deserialize)]
struct StatusRow {
    status: Status,
    status_since_ms: i64,
}

/// A text attribute.
fn text_of(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

impl DynamoStore {
    /// Reads the states of at most [`BATCH`] notifications, by id. A notification without a row is
    /// left out.
    async fn states(&self, ids: &[String]) -> Result<HashMap<String, MemberState>, PortError> {
        let table = &self.tables.notifications;
        let mut states = HashMap::with_capacity(ids.len());
        let keys = ids.iter().map(|id| Item::from([("id".to_owned(), text(id))])).collect();
        let mut left = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .projection_expression("id, #status, status_since_ms")
            .expression_attribute_names("#status", "status")
            .build()
            .map_err(|_| unusable(Table::Notifications, "a batch of keys cannot be built"))?;
        for attempt in 0..TRIES {
            let mut read = self
                .client
                .batch_get_item()
                .request_items(table, left)
                .send()
                .await
                .map_err(|error| unavailable(Table::Notifications, &error))?;
            let rows = read.responses.as_mut().and_then(|rows| rows.remove(table));
            states.extend(rows.unwrap_or_default().into_iter().filter_map(state));
            let Some(unread) = read.unprocessed_keys.and_then(|mut unread| unread.remove(table))
            else {
                return Ok(states);
            };
            left = unread;
            tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
        }
        let detail = format!("a batch was read only in part, {TRIES} times in a row");
        Err(PortError::Throttled { what: Table::Notifications.as_str(), detail })
    }
}

/// The id and the state of a row.
fn state(row: Item) -> Option<(String, MemberState)> {
    let id = text_of(&row, "id")?;
    let state = match serde_dynamo::from_item(row) {
        Ok(StatusRow { status, status_since_ms }) => {
            MemberState::Stored { status, since_ms: status_since_ms }
        }
        Err(_) => MemberState::Unreadable,
    };
    Some((id, state))
}

#[async_trait]
impl Groups for DynamoStore {
    async fn group_members(
        &self,
        group: &Group,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<GroupMember>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.notifications)
            .index_name("groups")
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":group", text(group.as_str()));
        let query = match after {
            None => query.key_condition_expression("group_pk = :group"),
            Some(after) => query
                .key_condition_expression("group_pk = :group AND group_sk > :after")
                .expression_attribute_values(":after", text(after)),
        };
        let mut items = query.into_paginator().items().send();
        let (mut ids, mut sorts) = (Vec::new(), Vec::new());
        while ids.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| unavailable(Table::Notifications, &error))?;
            if let (Some(id), Some(sort)) = (text_of(&item, "id"), text_of(&item, "group_sk")) {
                ids.push(id);
                sorts.push(sort);
            }
        }
        let mut states = HashMap::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            states.extend(self.states(batch).await?);
        }
        let member = |(id, sort): (&String, String)| GroupMember {
            sort,
            state: states.get(id).copied().unwrap_or(MemberState::Deleted),
        };
        Ok(ids.iter().zip(sorts).map(member).collect())
    }
}
