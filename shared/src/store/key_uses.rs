//! The last uses of API keys: one row for each key in the state table.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{number, text};
use crate::ports::{KeyUses, PortError};

/// How long a row is kept after the key's last use: 400 days.
const RETENTION_S: i64 = 400 * 24 * 60 * 60;

fn row(key: &str) -> String {
    format!("key#{key}")
}

#[async_trait]
impl KeyUses for DynamoStore {
    async fn record_use(
        &self,
        key: &str,
        at_ms: i64,
        unless_since_ms: i64,
    ) -> Result<(), PortError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", text(row(key)))
            .update_expression("SET last_use_ms = :at, #ttl = :ttl")
            .condition_expression("attribute_not_exists(last_use_ms) OR last_use_ms < :since")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":at", number(at_ms))
            .expression_attribute_values(":since", number(unless_since_ms))
            .expression_attribute_values(":ttl", number(self.now_s() + RETENTION_S))
            .send()
            .await;
        let Err(error) = update else { return Ok(()) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            _ => Err(unavailable(Table::State, &error)),
        }
    }

    async fn last_use_ms(&self, key: &str) -> Result<Option<i64>, PortError> {
        let Some(item) = self.state_row(row(key)).await? else { return Ok(None) };
        let last = item.get("last_use_ms").and_then(|last| last.as_n().ok());
        let last = last.and_then(|last| last.parse().ok());
        last.map(Some).ok_or_else(|| unusable(Table::State, UNDECODABLE))
    }
}
