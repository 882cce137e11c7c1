//! Sequences: one row for each, in the notifications table beside the rows of its notifications.

use async_trait::async_trait;

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unusable};
use super::item::{Item, number, text};
use super::notification_item::{self, KIND};
use super::notifications::PutCondition;
use super::row_versions::{put_unknown, refuse_newer, schema_of, take_unknown, undecodable};
use crate::domain::{Notification, Sequence, SequenceId};
use crate::ports::{PortError, Saved, Sequences};

/// What the attribute [`KIND`] of a sequence's row says.
const SEQUENCE: &str = "sequence";

/// How long a sequence is kept after its creation: 1,096 days, which is three years. The end of a
/// step needs the sequence, to find the next steps. A message may wait for 366 days before it
/// leaves, each later step may wait as well, and a step that failed can be sent again until its
/// retention is over.
const RETENTION_S: i64 = 1_096 * 24 * 60 * 60;

/// The attributes that are written beside the fields.
const DERIVED: &[&str] = &[KIND, "ttl"];

/// The item of a sequence.
///
/// # Errors
/// [`PortError::Unusable`] when a newer version of the code has written the sequence.
fn to_item(sequence: &Sequence) -> Result<Item, PortError> {
    refuse_newer(Table::Notifications, sequence.schema, Sequence::SCHEMA)?;
    let mut item: Item =
        serde_dynamo::to_item(sequence).map_err(|_| unusable(Table::Notifications, UNDECODABLE))?;
    item.insert(KIND.into(), text(SEQUENCE));
    item.insert("ttl".into(), number(sequence.created_at_ms / 1000 + RETENTION_S));
    put_unknown(&mut item, &sequence.unknown, Table::Notifications)?;
    Ok(item)
}

/// The sequence of a row of the notifications table; `None` when the row is something else.
///
/// # Errors
/// [`PortError::Unusable`] when the row does not decode.
pub fn from_item(mut item: Item) -> Result<Option<Sequence>, PortError> {
    let kind = item.get(KIND).and_then(|kind| kind.as_s().ok());
    if kind.is_none_or(|kind| kind != SEQUENCE) {
        return Ok(None);
    }
    let schema = schema_of(&item);
    let unknown = take_unknown::<Sequence>(&mut item, DERIVED, Table::Notifications)?;
    let sequence: Sequence = serde_dynamo::from_item(item)
        .map_err(|_| undecodable(Table::Notifications, schema, Sequence::SCHEMA))?;
    Ok(Some(Sequence { unknown, ..sequence }))
}

#[async_trait]
impl Sequences for DynamoStore {
    async fn create_sequence(
        &self,
        sequence: &Sequence,
        notifications: &[Notification],
    ) -> Result<Saved, PortError> {
        let mut puts = Vec::with_capacity(1 + notifications.len());
        puts.push(self.put(to_item(sequence)?, &PutCondition::New)?);
        for notification in notifications {
            let item = notification_item::to_item(notification, self.retention)?;
            puts.push(self.put(item, &PutCondition::New)?);
        }
        self.put_all(puts).await
    }

    async fn sequence(&self, id: &SequenceId) -> Result<Option<Sequence>, PortError> {
        let found = self.notifications_row(id.as_str()).await?;
        Ok(found.map(from_item).transpose()?.flatten())
    }
}
