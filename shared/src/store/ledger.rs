//! The ledger: one item for each entry.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;

use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::item::{Item, number, text};
use crate::ports::{Ledger, LedgerEntry, PortError};

pub(super) fn to_item(entry: &LedgerEntry) -> Result<Item, PortError> {
    // As a text, because DynamoDB has other limits than JSON for numbers and for depth.
    let body = serde_json::to_string(&entry.body)
        .map_err(|_| unusable(Table::Ledger, "an entry cannot be written as JSON"))?;
    Ok(Item::from([
        ("partition".to_owned(), text(&entry.partition)),
        ("sort".to_owned(), text(&entry.sort)),
        ("body".to_owned(), text(body)),
        ("ttl".to_owned(), number(entry.expires_at_s)),
    ]))
}

fn from_item(item: &Item) -> Option<LedgerEntry> {
    let read = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    Some(LedgerEntry {
        partition: read("partition")?.clone(),
        sort: read("sort")?.clone(),
        body: serde_json::from_str(read("body")?).ok()?,
        expires_at_s: item.get("ttl")?.as_n().ok()?.parse().ok()?,
    })
}

#[async_trait]
impl Ledger for DynamoStore {
    async fn append(&self, entry: &LedgerEntry) -> Result<(), PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(to_item(entry)?))
            .condition_expression("attribute_not_exists(#partition)")
            .expression_attribute_names("#partition", "partition")
            .send()
            .await;
        let Err(error) = put else { return Ok(()) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
            _ => Err(unavailable(Table::Ledger, &error)),
        }
    }

    async fn ledger_entries(
        &self,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LedgerEntry>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_names("#partition", "partition")
            .expression_attribute_values(":partition", text(partition));
        let query = match after {
            None => query.key_condition_expression("#partition = :partition"),
            Some(after) => query
                .key_condition_expression("#partition = :partition AND #sort > :after")
                .expression_attribute_names("#sort", "sort")
                .expression_attribute_values(":after", text(after)),
        };
        let mut items = query.into_paginator().items().send();
        let mut entries = Vec::new();
        let mut unreadable = 0_u32;
        while entries.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| unavailable(Table::Ledger, &error))?;
            if self.is_past_retention(&item) {
                continue;
            }
            match from_item(&item) {
                Some(entry) => entries.push(entry),
                None => unreadable += 1,
            }
        }
        if unreadable > 0 {
            tracing::error!(
                partition,
                unreadable,
                "entries of the ledger cannot be read: left out"
            );
        }
        Ok(entries)
    }
}
