//! Notifications and their sparse indexes.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};

use super::{DynamoStore, Item, RETENTION_S, corrupt, number, text, unavailable};
use crate::domain::agenda::{agenda_key, exception_key, id_in};
use crate::domain::{Notification, NotificationId};
use crate::ports::{Agenda, AgendaEntry, Created, Notifications, PortError, Saved};

const WHAT: &str = "the notifications table";

const NEW: &str = "attribute_not_exists(id) OR #ttl < :now_s";

impl DynamoStore {
    fn put(&self, item: Item, condition: &PutCondition) -> Result<Put, PortError> {
        let put = Put::builder()
            .table_name(&self.tables.notifications)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match condition {
            PutCondition::New => put
                .condition_expression(NEW)
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":now_s", number(self.now_s())),
            PutCondition::Revision(revision) => put
                .condition_expression("revision = :revision")
                .expression_attribute_values(":revision", number(*revision)),
        };
        put.build().map_err(|_| corrupt(WHAT, "it does not decode"))
    }

    /// One conditional put. `Err` of the inner result is the item that stood in its way.
    async fn put_one(&self, put: Put) -> Result<Result<(), Option<Item>>, PortError> {
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
            Ok(_) => Ok(Ok(())),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Err(failed.item.clone()))
                }
                Some(PutItemError::TransactionConflictException(_)) => Ok(Err(None)),
                _ => Err(unavailable(WHAT, &error)),
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
                    if is_lost_race(cancelled.cancellation_reasons()) =>
                {
                    Ok(Saved::Lost)
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Saved::Lost),
                _ => Err(unavailable(WHAT, &error)),
            },
        }
    }
}

enum PutCondition {
    New,
    Revision(u64),
}

/// A failed condition or another transaction in the way, as opposed to throttling or bad input.
pub(super) fn is_lost_race(reasons: &[aws_sdk_dynamodb::types::CancellationReason]) -> bool {
    reasons.iter().all(|reason| {
        matches!(
            reason.code(),
            None | Some("None" | "ConditionalCheckFailed" | "TransactionConflict")
        )
    })
}

fn to_item(notification: &Notification) -> Result<Item, PortError> {
    let mut item: Item =
        serde_dynamo::to_item(notification).map_err(|_| corrupt(WHAT, "it does not decode"))?;
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
    serde_dynamo::from_item(item).map_err(|_| corrupt(WHAT, "it does not decode"))
}

#[async_trait]
impl Notifications for DynamoStore {
    async fn create(&self, notification: &Notification) -> Result<Created, PortError> {
        // A second look is needed only when the item that stood in the way was not returned.
        for _ in 0..2 {
            match self.put_one(self.put(to_item(notification)?, &PutCondition::New)?).await? {
                Ok(()) => return Ok(Created::New),
                Err(Some(item)) => return Ok(Created::Existing(Box::new(from_item(item)?))),
                Err(None) => {
                    if let Some(existing) = self.load(&notification.id).await? {
                        return Ok(Created::Existing(Box::new(existing)));
                    }
                }
            }
        }
        Err(PortError::Unavailable { what: WHAT, detail: "the item is contended".into() })
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
            .map_err(|error| unavailable(WHAT, &error))?;
        found.item.filter(|item| !self.is_forgotten(item)).map(from_item).transpose()
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
            Ok(()) => Ok(Saved::Done),
            // The client repeats a put whose answer was lost. Finding exactly what was to be
            // written means that it was written.
            Err(Some(found)) if found == wanted => Ok(Saved::Done),
            Err(_) => Ok(Saved::Lost),
        }
    }
}

#[async_trait]
impl Agenda for DynamoStore {
    async fn entries(
        &self,
        partition: &str,
        from: Option<&str>,
        until: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.notifications)
            .index_name("agenda")
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", text(partition));
        let query = match (from, until) {
            (None, None) => query.key_condition_expression("agenda_pk = :pk"),
            (Some(from), None) => query
                .key_condition_expression("agenda_pk = :pk AND agenda_sk >= :from")
                .expression_attribute_values(":from", text(from)),
            (None, Some(until)) => query
                .key_condition_expression("agenda_pk = :pk AND agenda_sk < :until")
                .expression_attribute_values(":until", text(until)),
            // BETWEEN includes its upper end; sort keys end in an id, so none equals `until`.
            (Some(from), Some(until)) => query
                .key_condition_expression("agenda_pk = :pk AND agenda_sk BETWEEN :from AND :until")
                .expression_attribute_values(":from", text(from))
                .expression_attribute_values(":until", text(until)),
        };
        let page = query.send().await.map_err(|error| unavailable(WHAT, &error))?;
        page.items
            .unwrap_or_default()
            .into_iter()
            .map(|item| {
                let sort = item
                    .get("agenda_sk")
                    .and_then(|sort| sort.as_s().ok())
                    .ok_or_else(|| corrupt(WHAT, "an agenda entry without a sort key"))?;
                let id = id_in(sort)
                    .and_then(|id| id.parse().ok())
                    .ok_or_else(|| corrupt(WHAT, "an agenda entry without an id"))?;
                Ok(AgendaEntry { sort: sort.clone(), id })
            })
            .collect()
    }
}
