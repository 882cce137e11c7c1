//! The groups index of the notifications table, and the statuses of the notifications that it lists.

use std::collections::HashMap;

use async_trait::async_trait;
use serde::Deserialize;

use super::batch_get::RowPart;
use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::{Item, text};
use crate::domain::{Group, Status};
use crate::ports::{GroupMember, Groups, MemberState, PortError};

/// The attributes that tell a notification's state.
const STATE: &str = "id, #status, status_since_ms";

#[derive(Deserialize)]
struct StatusRow {
    status: Status,
    status_since_ms: i64,
}

/// A text attribute.
fn text_of(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
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
        let rows = self.notifications_rows(&ids, RowPart::Attributes(STATE)).await?;
        let states: HashMap<String, MemberState> = rows.into_iter().filter_map(state).collect();
        let member = |(id, sort): (&String, String)| GroupMember {
            sort,
            state: states.get(id).copied().unwrap_or(MemberState::Deleted),
        };
        Ok(ids.iter().zip(sorts).map(member).collect())
    }
}
