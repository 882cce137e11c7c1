//! Deleting items in batches.

use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};

use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::item::Item;
use crate::ports::PortError;

/// The most items that DynamoDB deletes in one request.
const BATCH: usize = 25;

/// Tries of a batch. DynamoDB may process a batch only in part.
const TRIES: u32 = 8;

impl DynamoStore {
    /// Deletes items of the members table.
    pub(super) async fn delete_members_items(&self, keys: &[Item]) -> Result<(), PortError> {
        for batch in keys.chunks(BATCH) {
            self.delete_batch(batch).await?;
        }
        Ok(())
    }

    /// Deletes a batch, and tries again with the items that DynamoDB did not process.
    async fn delete_batch(&self, keys: &[Item]) -> Result<(), PortError> {
        let mut left = keys
            .iter()
            .map(|key| {
                let delete = DeleteRequest::builder().set_key(Some(key.clone())).build();
                let delete = delete.map_err(|_| unusable(Table::Members, "a delete has no key"))?;
                Ok(WriteRequest::builder().delete_request(delete).build())
            })
            .collect::<Result<Vec<_>, PortError>>()?;
        for attempt in 0..TRIES {
            let response = self
                .client
                .batch_write_item()
                .request_items(&self.tables.members, left)
                .send()
                .await
                .map_err(|error| unavailable(Table::Members, &error))?;
            left = response
                .unprocessed_items
                .and_then(|mut unprocessed| unprocessed.remove(&self.tables.members))
                .unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
        }
        let detail = format!("a batch was processed only in part, {TRIES} times in a row");
        Err(PortError::Unavailable { what: Table::Members.as_str(), detail })
    }
}
