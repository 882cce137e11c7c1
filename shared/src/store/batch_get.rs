//! Rows of the notifications table, many in one request.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::item::{Item, text};
use super::notification_item::from_item;
use crate::domain::{Notification, NotificationId};
use crate::ports::{NotificationBatches, PortError};

/// The most items that DynamoDB reads in one request.
const BATCH: usize = 100;

/// Tries of a batch. DynamoDB may read a batch only in part.
const TRIES: u32 = 8;

/// What is read of each row.
#[derive(Clone, Copy)]
pub(super) enum RowPart {
    /// The whole row, strongly consistent.
    Whole,
    /// These attributes (an expression, with `#status` for the attribute `status`), as they were a
    /// moment ago.
    Attributes(&'static str),
}

impl DynamoStore {
    /// Reads rows of the notifications table by their ids, in no order. What is not stored is left out.
    pub(super) async fn notifications_rows(
        &self,
        ids: &[String],
        part: RowPart,
    ) -> Result<Vec<Item>, PortError> {
        let mut rows = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            self.read_batch(batch, part, &mut rows).await?;
        }
        Ok(rows)
    }

    async fn read_batch(
        &self,
        ids: &[String],
        part: RowPart,
        rows: &mut Vec<Item>,
    ) -> Result<(), PortError> {
        let table = &self.tables.notifications;
        let keys = ids.iter().map(|id| Item::from([("id".to_owned(), text(id))])).collect();
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys));
        let wanted = match part {
            RowPart::Whole => wanted.consistent_read(true),
            RowPart::Attributes(names) => {
                wanted.projection_expression(names).expression_attribute_names("#status", "status")
            }
        };
        let mut left = wanted
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
            let found = read.responses.as_mut().and_then(|found| found.remove(table));
            rows.extend(found.unwrap_or_default());
            let Some(unread) = read.unprocessed_keys.and_then(|mut unread| unread.remove(table))
            else {
                return Ok(());
            };
            left = unread;
            tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
        }
        let detail = format!("a batch was read only in part, {TRIES} times in a row");
        Err(PortError::Throttled { what: Table::Notifications.as_str(), detail })
    }
}

#[async_trait]
impl NotificationBatches for DynamoStore {
    async fn load_all(
        &self,
        ids: &[NotificationId],
    ) -> Result<HashMap<NotificationId, Notification>, PortError> {
        let mut ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        // DynamoDB refuses a batch that has a key twice.
        ids.sort_unstable();
        ids.dedup();
        let mut found = HashMap::with_capacity(ids.len());
        let mut unreadable = 0;
        for row in self.notifications_rows(&ids, RowPart::Whole).await? {
            if self.is_past_retention(&row) {
                continue;
            }
            match from_item(row) {
                Ok(read) => found.extend(read.map(|read| (read.id.clone(), read))),
                Err(_) => unreadable += 1,
            }
        }
        if unreadable > 0 {
            tracing::error!(
                metric = "unreadable_rows",
                count = unreadable,
                "rows of the notifications table cannot be read and are left out of a list: deploy \
                 the version that wrote them"
            );
        }
        Ok(found)
    }
}
