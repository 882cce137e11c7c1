//! Notifications as items: their fields, the keys of the sparse indexes, and the attributes that a
//! newer version of the code added.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value};

use super::dynamo::Table;
use super::error::{UNDECODABLE, unusable};
use super::item::{Item, number, text};
use super::notification_v0;
use super::retention::Retention;
use super::row_versions::{put_unknown, refuse_newer, schema_of, take_unknown, undecodable};
use crate::domain::Notification;
use crate::domain::agenda::{agenda_key, exception_key};
use crate::ports::PortError;

/// The attribute that says what a row is, unless it is a notification.
pub(super) const KIND: &str = "kind";

/// What the attribute [`KIND`] of a placeholder says. A placeholder keeps the id of a notification
/// that is not stored.
pub(super) const PLACEHOLDER: &str = "placeholder";

/// The attributes that are written beside the fields. They follow from the notification's state.
const DERIVED: &[&str] = &[
    "agenda_pk",
    "agenda_sk",
    "exception_pk",
    "exception_sk",
    "reason_name",
    "history_pk",
    "history_sk",
    "group_pk",
    "group_sk",
    "ttl",
];

/// The item of a notification.
///
/// # Errors
/// [`PortError::Unusable`] when a newer version of the code has written the notification.
pub(super) fn to_item(
    notification: &Notification,
    retention: Retention,
) -> Result<Item, PortError> {
    refuse_newer(Table::Notifications, notification.schema, Notification::SCHEMA)?;
    let unwritable = || unusable(Table::Notifications, UNDECODABLE);
    let mut item: Item = serde_dynamo::to_item(notification).map_err(|_| unwritable())?;
    if let Some(data) = &notification.data {
        // As a text, so that the producer gets the object back as it came: DynamoDB has other
        // limits than JSON for numbers and for depth.
        let data = serde_json::to_string(data).map_err(|_| unwritable())?;
        item.insert("data".into(), text(data));
    }
    if let Some(key) = agenda_key(notification) {
        item.insert("agenda_pk".into(), text(key.partition));
        item.insert("agenda_sk".into(), text(key.sort));
    }
    if let Some(key) = exception_key(notification) {
        item.insert("exception_pk".into(), text(key.partition));
        item.insert("exception_sk".into(), text(key.sort));
        // An index can project this attribute, and no part of `reason`.
        if let Some(reason) = &notification.reason {
            item.insert("reason_name".into(), text(reason.name()));
        }
    }
    let created_sk = format!("{:013}#{}", notification.created_at_ms, notification.id);
    item.insert("history_pk".into(), text(&notification.recipient.id));
    item.insert("history_sk".into(), text(&created_sk));
    // The group is stored once: under the name of the index's key.
    if let Some(group) = item.remove("group") {
        item.insert("group_pk".into(), group);
        item.insert("group_sk".into(), text(created_sk));
    }
    if let Some(ends_at_s) = retention.ends_at_s(notification) {
        item.insert("ttl".into(), number(ends_at_s));
    }
    put_unknown(&mut item, &notification.unknown, Table::Notifications)?;
    Ok(item)
}

/// The notification of a row of the notifications table; `None` when the row is something else.
///
/// # Errors
/// [`PortError::Unusable`] when the row does not decode.
pub fn from_item(mut item: Item) -> Result<Option<Notification>, PortError> {
    if item.contains_key(KIND) {
        return Ok(None);
    }
    let schema = schema_of(&item);
    let unreadable = || undecodable(Table::Notifications, schema, Notification::SCHEMA);
    if schema == notification_v0::SCHEMA {
        notification_v0::upgrade(&mut item).ok_or_else(unreadable)?;
    }
    if let Some(group) = item.remove("group_pk") {
        item.insert("group".into(), group);
    }
    let data = match item.remove("data") {
        Some(data) => Some(json_object(&data).ok_or_else(unreadable)?),
        None => None,
    };
    let unknown = take_unknown::<Notification>(&mut item, DERIVED, Table::Notifications)?;
    let notification: Notification = serde_dynamo::from_item(item).map_err(|_| unreadable())?;
    Ok(Some(Notification { data, unknown, ..notification }))
}

/// Whether a row of the notifications table is a placeholder.
pub(super) fn is_placeholder(item: &Item) -> bool {
    item.get(KIND).and_then(|kind| kind.as_s().ok()).is_some_and(|kind| kind == PLACEHOLDER)
}

fn json_object(value: &AttributeValue) -> Option<Map<String, Value>> {
    serde_json::from_str(value.as_s().ok()?).ok()
}
