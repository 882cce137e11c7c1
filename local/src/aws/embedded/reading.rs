//! Reads of stored notifications and sequences that do not go through the AWS client.

use std::collections::{BTreeMap, HashMap};

use alimi::domain::{AgendaKey, Notification, NotificationId, Sequence, SequenceId};
use alimi::store::{notification_from_item, sequence_from_item};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue as EmbeddedValue, Database, DynoxideError, Item};

use super::error::EmbeddedError;
use super::tables::tables;

/// Everything in the notifications table.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub notifications: BTreeMap<NotificationId, Notification>,
    pub sequences: BTreeMap<SequenceId, Sequence>,
}

/// Every stored notification and every stored sequence.
///
/// # Errors
/// [`EmbeddedError`].
pub fn stored(database: &Database) -> Result<Stored, EmbeddedError> {
    let mut stored = Stored::default();
    let mut start = None;
    loop {
        let page = database.scan(ScanRequest {
            table_name: tables().notifications,
            exclusive_start_key: start,
            ..ScanRequest::default()
        })?;
        for item in page.items.unwrap_or_default() {
            let item = members(item);
            // A notification's row has no kind.
            if item.contains_key("kind") {
                let found = sequence_from_item(item).map_err(|error| unreadable(&error))?;
                stored.sequences.extend(found.map(|found| (found.id.clone(), found)));
            } else {
                let found = notification_from_item(item).map_err(|error| unreadable(&error))?;
                stored.notifications.extend(found.map(|found| (found.id.clone(), found)));
            }
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(stored);
        }
    }
}

/// Every stored notification, by id.
///
/// # Errors
/// [`EmbeddedError`].
pub fn notifications(
    database: &Database,
) -> Result<BTreeMap<NotificationId, Notification>, EmbeddedError> {
    Ok(stored(database)?.notifications)
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
        (Some(EmbeddedValue::S(partition)), Some(EmbeddedValue::S(sort))) => {
            Ok(AgendaKey { partition, sort })
        }
        other => Err(unreadable(&format!("the agenda has the key {other:?}"))),
    };
    let keys = page.items.unwrap_or_default().into_iter().map(key).collect::<Result<_, _>>()?;
    Ok((keys, page.last_evaluated_key))
}

fn members(item: Item) -> HashMap<String, AttributeValue> {
    item.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

fn attribute(value: EmbeddedValue) -> AttributeValue {
    match value {
        EmbeddedValue::S(text) => AttributeValue::S(text),
        EmbeddedValue::N(number) => AttributeValue::N(number),
        EmbeddedValue::B(bytes) => AttributeValue::B(Blob::new(bytes)),
        EmbeddedValue::BOOL(truth) => AttributeValue::Bool(truth),
        EmbeddedValue::NULL(null) => AttributeValue::Null(null),
        EmbeddedValue::SS(texts) => AttributeValue::Ss(texts),
        EmbeddedValue::NS(numbers) => AttributeValue::Ns(numbers),
        EmbeddedValue::BS(all) => AttributeValue::Bs(all.into_iter().map(Blob::new).collect()),
        EmbeddedValue::L(values) => AttributeValue::L(values.into_iter().map(attribute).collect()),
        EmbeddedValue::M(values) => AttributeValue::M(members(values)),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> EmbeddedError {
    EmbeddedError::Database(DynoxideError::InternalServerError(error.to_string()))
}
