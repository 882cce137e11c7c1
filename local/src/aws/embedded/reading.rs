//! Reads of stored notifications that do not go through the AWS client.

use std::collections::{BTreeMap, HashMap};

use alimi::domain::{AgendaKey, Notification, NotificationId};
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue as Stored, Database, DynoxideError, Item};
use serde_dynamo::AttributeValue;

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
    let mut start = None;
    loop {
        let page = database.scan(ScanRequest {
            table_name: tables().notifications,
            exclusive_start_key: start,
            ..ScanRequest::default()
        })?;
        for item in page.items.unwrap_or_default() {
            let item = serde_dynamo::Item::from(members(item));
            let notification: Notification =
                serde_dynamo::from_item(item).map_err(|error| unreadable(&error))?;
            all.insert(notification.id.clone(), notification);
        }
        start = page.last_evaluated_key;
        if start.is_none() {
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
    Ok(agenda_page(database, Some(1), None)?.0.is_empty())
}

/// Every key of the agenda. This is much cheaper than reading the notifications.
///
/// # Errors
/// [`EmbeddedError`].
pub fn agenda(database: &Database) -> Result<Vec<AgendaKey>, EmbeddedError> {
    let (mut all, mut start) = (Vec::new(), None);
    loop {
        let (keys, next) = agenda_page(database, None, start)?;
        all.extend(keys);
        if next.is_none() {
            return Ok(all);
        }
        start = next;
    }
}

/// The keys of one page of the agenda, and where the next page starts.
fn agenda_page(
    database: &Database,
    limit: Option<usize>,
    start: Option<Item>,
) -> Result<(Vec<AgendaKey>, Option<Item>), EmbeddedError> {
    let page = database.scan(ScanRequest {
        table_name: tables().notifications,
        index_name: Some("agenda".to_owned()),
        limit,
        exclusive_start_key: start,
        ..ScanRequest::default()
    })?;
    let key = |mut item: Item| match (item.remove("agenda_pk"), item.remove("agenda_sk")) {
        (Some(Stored::S(partition)), Some(Stored::S(sort))) => Ok(AgendaKey { partition, sort }),
        other => Err(unreadable(&format!("the agenda has the key {other:?}"))),
    };
    let keys = page.items.unwrap_or_default().into_iter().map(key).collect::<Result<_, _>>()?;
    Ok((keys, page.last_evaluated_key))
}

fn members(item: Item) -> HashMap<String, AttributeValue> {
    item.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

fn attribute(value: Stored) -> AttributeValue {
    match value {
        Stored::S(text) => AttributeValue::S(text),
        Stored::N(number) => AttributeValue::N(number),
        Stored::B(bytes) => AttributeValue::B(bytes),
        Stored::BOOL(truth) => AttributeValue::Bool(truth),
        Stored::NULL(null) => AttributeValue::Null(null),
        Stored::SS(texts) => AttributeValue::Ss(texts),
        Stored::NS(numbers) => AttributeValue::Ns(numbers),
        Stored::BS(all) => AttributeValue::Bs(all),
        Stored::L(values) => AttributeValue::L(values.into_iter().map(attribute).collect()),
        Stored::M(values) => AttributeValue::M(members(values)),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> EmbeddedError {
    EmbeddedError::Database(DynoxideError::InternalServerError(error.to_string()))
}
