//! Notifications: one item for each, with the keys of the sparse indexes.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use super::dynamo::{DynamoStore, RETENTION_S, Table};
use super::error::{UNDECODABLE, is_conflict, unavailable, unusable};
use super::item::{ConditionalPut, Item, number, text};
use crate::domain::agenda::{agenda_key, exception_key};
use crate::domain::{Notification, NotificationId};
use crate::ports::{Created, Notifications, PortError, Saved};

/// The id is unused, or its notification is past its retention.
const IS_NEW: &str = "attribute_not_exists(id) OR #ttl < :now_s";

impl DynamoStore {
    fn put(&self, item: Item, condition: &PutCondition) -> Result<Put, PortError> {
        let put = Put::builder()
            .table_name(&self.tables.notifications)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match condition {
            PutCondition::New => put
                .condition_expression(IS_NEW)
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":now_s", number(self.now_s())),
            PutCondition::Revision(revision) => put
                .condition_expression("revision = :revision")
                .expression_attribute_values(":revision", number(*revision)),
        };
        put.build().map_err(|_| unusable(Table::Notifications, "a write cannot be built"))
    }

    async fn put_one(&self, put: Put) -> Result<ConditionalPut, PortError> {
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

    async fn put_all(&self, puts: Vec<Put>) -> Result<Saved, PortError> {
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

enum PutCondition {
    New,
    Revision(u64),
}

fn to_item(notification: &Notification) -> Result<Item, PortError> {
    let mut item: Item = serde_dynamo::to_item(notification)
        .map_err(|_| unusable(Table::Notifications, UNDECODABLE))?;
    if let Some(key) = agenda_key(notification) {
        item.insert("agenda_pk".into(), text(key.partition));
        item.insert("agenda_sk".into(), text(key.sort));
    }
    if let Some(key) = exception_key(notification) {
        item.insert("exception_pk".into(), text(key.partition));
        item.insert("exception_sk".into(), text(key.sort));
    }
    item.insert("history_pk".into(), text(&notification.recipient.id));
    item.insert(
        "history_sk".into(),
        text(format!("{:013}#{}", notification.created_at_ms, notification.id)),
    );
    if notification.status.is_terminal() {
        item.insert("ttl".into(), number(notification.status_since_ms / 1000 + RETENTION_S));
    }
    Ok(item)
}

fn from_item(item: Item) -> Result<Notification, PortError> {
    serde_dynamo::from_item(item).map_err(|_| unusable(Table::Notifications, UNDECODABLE))
}

#[async_trait]
impl Notifications for DynamoStore {
    async fn create(&self, notification: &Notification) -> Result<Created, PortError> {
        // The second try is needed only when the first conflict did not return the stored item.
        for _ in 0..2 {
            match self.put_one(self.put(to_item(notification)?, &PutCondition::New)?).await? {
                ConditionalPut::Done => return Ok(Created::New),
                ConditionalPut::Conflict(Some(item)) => {
                    return Ok(Created::Existing(Box::new(from_item(item)?)));
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

    async fn create_all(&self, notifications: &[Notification]) -> Result<Saved, PortError> {
        let puts = notifications
            .iter()
            .map(|notification| self.put(to_item(notification)?, &PutCondition::New))
            .collect::<Result<_, _>>()?;
        self.put_all(puts).await
    }

    async fn load(&self, id: &NotificationId) -> Result<Option<Notification>, PortError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.notifications)
            .key("id", text(id.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(Table::Notifications, &error))?;
        found.item.filter(|item| !self.is_past_retention(item)).map(from_item).transpose()
    }

    async fn save(&self, notifications: &mut [Notification]) -> Result<Saved, PortError> {
        let mut puts = Vec::with_capacity(notifications.len());
        for notification in &mut *notifications {
            let before = notification.revision;
            notification.revision += 1;
            puts.push(self.put(to_item(notification)?, &PutCondition::Revision(before))?);
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
