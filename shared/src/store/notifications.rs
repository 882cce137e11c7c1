//! Notifications: one item for each.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use super::dynamo::{DynamoStore, Table};
use super::error::{is_conflict, unavailable, unusable};
use super::item::{ConditionalPut, Item, number, text};
use super::notification_item::{KIND, PLACEHOLDER, from_item, is_placeholder, to_item};
use crate::domain::{Notification, NotificationId};
use crate::ports::{Created, Notifications, PortError, Saved};

/// The id is unused, or its row is past its retention. So an idempotency key protects for as long
/// as its notification is stored.
const IS_NEW: &str = "attribute_not_exists(id) OR #ttl < :now_s";

/// As [`IS_NEW`], or the same request holds the id for this row.
const IS_NEW_OR_HELD: &str = "attribute_not_exists(id) OR #ttl < :now_s \
     OR (#kind = :placeholder AND request_digest = :digest)";

impl DynamoStore {
    /// A conditional put of a row of the notifications table.
    pub(super) fn put(&self, item: Item, condition: &PutCondition<'_>) -> Result<Put, PortError> {
        let put = Put::builder()
            .table_name(&self.tables.notifications)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match condition {
            PutCondition::New => put
                .condition_expression(IS_NEW)
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":now_s", number(self.now_s())),
            PutCondition::NewOrHeld { digest } => put
                .condition_expression(IS_NEW_OR_HELD)
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_names("#kind", KIND)
                .expression_attribute_values(":now_s", number(self.now_s()))
                .expression_attribute_values(":placeholder", text(PLACEHOLDER))
                .expression_attribute_values(":digest", text(*digest)),
            PutCondition::Revision(revision) => put
                .condition_expression("revision = :revision")
                .expression_attribute_values(":revision", number(*revision)),
        };
        put.build().map_err(|_| unusable(Table::Notifications, "a write cannot be built"))
    }

    /// A row of the notifications table, unless it is past its retention.
    pub(super) async fn notifications_row(&self, id: &str) -> Result<Option<Item>, PortError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.notifications)
            .key("id", text(id))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(Table::Notifications, &error))?;
        Ok(found.item.filter(|item| !self.is_past_retention(item)))
    }

    pub(super) async fn put_one(&self, put: Put) -> Result<ConditionalPut, PortError> {
        let sent = self
            .client
            .put_item()
            .set_table_name(Some(put.table_name))
            .set_item(Some(put.item))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_names(put.expression_attribute_names)
            .set_expression_attribute_values(put.expression_attribute_values)
            .set_return_values_on_condition_check_failure(
                put.return_values_on_condition_check_failure,
            )
            .send()
            .await;
        match sent {
            Ok(_) => Ok(ConditionalPut::Done),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(ConditionalPut::Conflict(failed.item.clone()))
                }
                Some(PutItemError::TransactionConflictException(_)) => {
                    Ok(ConditionalPut::Conflict(None))
                }
                _ => Err(unavailable(Table::Notifications, &error)),
            },
        }
    }

    /// Makes all puts, or none of them if a condition fails.
    pub(super) async fn put_all(&self, puts: Vec<Put>) -> Result<Saved, PortError> {
        let writes =
            puts.into_iter().map(|put| TransactWriteItem::builder().put(put).build()).collect();
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        match sent {
            Ok(_) => Ok(Saved::Done),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                    if is_conflict(cancelled.cancellation_reasons()) =>
                {
                    Ok(Saved::Conflict)
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                    Ok(Saved::Conflict)
                }
                _ => Err(unavailable(Table::Notifications, &error)),
            },
        }
    }
}

/// The condition of a put.
pub(super) enum PutCondition<'a> {
    /// See [`IS_NEW`].
    New,
    /// See [`IS_NEW_OR_HELD`].
    NewOrHeld { digest: &'a str },
    /// The stored notification still has this revision.
    Revision(u64),
}

#[async_trait]
impl Notifications for DynamoStore {
    async fn create(&self, notification: &Notification) -> Result<Created, PortError> {
        // The second try is needed only when the first conflict did not return the stored item.
        for _ in 0..2 {
            let item = to_item(notification, self.retention)?;
            let condition = PutCondition::NewOrHeld { digest: &notification.request_digest };
            match self.put_one(self.put(item, &condition)?).await? {
                ConditionalPut::Done => return Ok(Created::New),
                ConditionalPut::Conflict(Some(item)) if is_placeholder(&item) => {
                    return Ok(Created::OtherRequest);
                }
                ConditionalPut::Conflict(Some(item)) => {
                    let existing = from_item(item)?.ok_or_else(|| {
                        unusable(Table::Notifications, "the id is taken by a row of another kind")
                    })?;
                    return Ok(Created::Existing(Box::new(existing)));
                }
                ConditionalPut::Conflict(None) => {
                    if let Some(existing) = self.load(&notification.id).await? {
                        return Ok(Created::Existing(Box::new(existing)));
                    }
                }
            }
        }
        let detail = "another writer creates the same notification".to_owned();
        Err(PortError::Unavailable { what: Table::Notifications.as_str(), detail })
    }

    async fn load(&self, id: &NotificationId) -> Result<Option<Notification>, PortError> {
        let found = self.notifications_row(id.as_str()).await?;
        Ok(found.map(from_item).transpose()?.flatten())
    }

    async fn save(&self, notifications: &mut [Notification]) -> Result<Saved, PortError> {
        let mut puts = Vec::with_capacity(notifications.len());
        for notification in &mut *notifications {
            let before = notification.revision;
            notification.revision += 1;
            let item = to_item(notification, self.retention)?;
            puts.push(self.put(item, &PutCondition::Revision(before))?);
        }
        if puts.len() > 1 {
            return self.put_all(puts).await;
        }
        let Some(put) = puts.pop() else { return Ok(Saved::Done) };
        let wanted = put.item.clone();
        match self.put_one(put).await? {
            ConditionalPut::Done => Ok(Saved::Done),
            // The client repeats a put whose response was lost, and then meets its own write.
            ConditionalPut::Conflict(Some(found)) if found == wanted => Ok(Saved::Done),
            ConditionalPut::Conflict(_) => Ok(Saved::Conflict),
        }
    }
}
