//! Reads of stored notifications that do not go through the AWS client.

use std::collections::BTreeMap;

use alimi::domain::{Notification, NotificationId};
use dynoxide::{Database, DynoxideError};
use serde_json::{Value, json};

use super::error::EmbeddedError;
use super::tables::tables;

/// Every stored notification, by id.
///
/// # Errors
/// [`EmbeddedError`].
pub fn notifications(
    database: &Database,
) -> Result<BTreeMap<NotificationId, Notification>, EmbeddedError> {
    let mut all = BTreeMap::new();
    let mut start = Value::Null;
    loop {
        let mut scan = json!({ "TableName": tables().notifications });
        if !start.is_null() {
            scan["ExclusiveStartKey"] = start;
        }
        let scan = serde_json::from_value(scan).map_err(|error| unreadable(&error))?;
        let page = database.scan(scan)?;
        let page = serde_json::to_value(page).map_err(|error| unreadable(&error))?;
        for item in page["Items"].as_array().into_iter().flatten() {
            let item: serde_dynamo::Item =
                serde_json::from_value(item.clone()).map_err(|error| unreadable(&error))?;
            let notification: Notification =
                serde_dynamo::from_item(item).map_err(|error| unreadable(&error))?;
            all.insert(notification.id.clone(), notification);
        }
        start = page["LastEvaluatedKey"].clone();
        if start.is_null() {
            return Ok(all);
        }
    }
}

/// Whether the agenda is empty: no message waits to be sent or for a receipt. This is cheap for any
/// number of notifications.
///
/// # Errors
/// [`EmbeddedError`].
pub fn is_agenda_empty(database: &Database) -> Result<bool, EmbeddedError> {
    let scan = json!({ "TableName": tables().notifications, "IndexName": "agenda", "Limit": 1 });
    let scan = serde_json::from_value(scan).map_err(|error| unreadable(&error))?;
    let page = database.scan(scan)?;
    let page = serde_json::to_value(page).map_err(|error| unreadable(&error))?;
    Ok(page["Items"].as_array().is_none_or(Vec::is_empty))
}

fn unreadable(error: &dyn std::fmt::Display) -> EmbeddedError {
    EmbeddedError::Database(DynoxideError::InternalServerError(error.to_string()))
}
