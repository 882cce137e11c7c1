//! Scans of the notifications table.

use async_trait::async_trait;

use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::{Item, text};
use super::notification_item::from_item;
use crate::ports::{NotificationPage, NotificationPages, PortError};

#[async_trait]
impl NotificationPages for DynamoStore {
    async fn notification_page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<NotificationPage, PortError> {
        let start = after.map(|after| Item::from([("id".to_owned(), text(after))]));
        let read = self
            .client
            .scan()
            .table_name(&self.tables.notifications)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| unavailable(Table::Notifications, &error))?;
        let last = read.last_evaluated_key.as_ref().and_then(|key| key.get("id")?.as_s().ok());
        let mut page = NotificationPage { next: last.cloned(), ..NotificationPage::default() };
        for item in read.items.unwrap_or_default() {
            if self.is_past_retention(&item) {
                continue;
            }
            match from_item(item) {
                Ok(found) => page.notifications.extend(found),
                Err(_) => page.unreadable += 1,
            }
        }
        if page.unreadable > 0 {
            tracing::error!(
                metric = "unreadable_rows",
                count = page.unreadable,
                "rows of the notifications table cannot be read and are left out: deploy the \
                 version that wrote them"
            );
        }
        Ok(page)
    }
}
