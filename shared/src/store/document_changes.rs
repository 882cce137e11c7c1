//! Changes of documents.
//!
//! One transaction writes a document and its history entry, on two conditions: the document still
//! has the revision that was read, and the new revision's number is unused. Numbers go on after a
//! deletion, so a client that holds a deleted document's revision can never overwrite its successor
//! of the same name.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::document_item::{from_item, history_of, revision_key, to_item};
use super::dynamo::{DynamoStore, Table};
use super::error::{is_conflict, unavailable, unusable};
use super::item::{Item, number, text};
use crate::ports::{Changed, Document, Documents, Expected, Kind, PortError, Saved};

const HAS_REVISION: &str = "revision = :revision";

/// Losing this many races in a row counts as an outage.
const TRIES: u32 = 8;

/// Whether both are the same change, by the same author at the same time.
fn is_same_change(one: &Document, other: &Document) -> bool {
    one.revision == other.revision
        && one.body == other.body
        && one.changed_by == other.changed_by
        && one.changed_at_ms == other.changed_at_ms
}

impl DynamoStore {
    /// Makes one change. `wanted.body` is the document's new content; `None` deletes the document.
    pub(super) async fn change(
        &self,
        kind: Kind,
        mut wanted: Document,
        expected: Expected,
    ) -> Result<Changed, PortError> {
        for attempt in 0..TRIES {
            let current = self.document(kind, &wanted.name).await?.map(|found| found.revision);
            let holds = match expected {
                Expected::Absent => current.is_none(),
                Expected::Revision(revision) => current == Some(revision),
                Expected::Any => true,
            };
            if !holds || (wanted.body.is_none() && current.is_none()) {
                return Ok(Changed::Conflict(current));
            }
            let newest = self.history(kind, &wanted.name, 1).await?;
            let newest = newest.first().map_or(0, |newest| newest.revision);
            wanted.revision = newest.max(current.unwrap_or(0)) + 1;
            match self.write(kind, &wanted, current).await? {
                Saved::Done => return Ok(Changed::Done(wanted.revision)),
                Saved::Conflict => {}
            }
            // The client repeats a write whose response was lost, and then meets its own write. So
            // exactly this change in the history means that it was made.
            let found = self.revision(kind, &wanted.name, wanted.revision).await?;
            if found.is_some_and(|found| is_same_change(&found, &wanted)) {
                return Ok(Changed::Done(wanted.revision));
            }
            // Other writers are changing the same document: let them finish.
            tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
        }
        Err(PortError::Unavailable {
            what: Table::Catalog.as_str(),
            detail: format!(
                "other writers changed {} {} at the same time, {TRIES} times in a row",
                kind.as_str(),
                wanted.name
            ),
        })
    }

    /// Writes or deletes the document and adds that to its history. [`Saved::Conflict`] when the
    /// document's revision is not `current`, or the new number is used.
    async fn write(
        &self,
        kind: Kind,
        wanted: &Document,
        current: Option<u64>,
    ) -> Result<Saved, PortError> {
        let unbuilt = |_| unusable(Table::Catalog, "a write cannot be built");
        let document = match (&wanted.body, current) {
            (None, _) => {
                let delete = self.delete_current(kind, &wanted.name, current.unwrap_or(0));
                TransactWriteItem::builder().delete(delete.build().map_err(unbuilt)?)
            }
            (Some(_), current) => {
                let item = to_item(kind.as_str(), &wanted.name, wanted)?;
                let put = self.put_current(item, current).build().map_err(unbuilt)?;
                TransactWriteItem::builder().put(put)
            }
        };
        let history_entry = Put::builder()
            .table_name(&self.tables.catalog)
            .set_item(Some(to_item(
                &history_of(kind, &wanted.name),
                &revision_key(wanted.revision),
                wanted,
            )?))
            .condition_expression("attribute_not_exists(kind)")
            .build()
            .map_err(unbuilt)?;
        let sent = self
            .client
            .transact_write_items()
            .transact_items(document.build())
            .transact_items(TransactWriteItem::builder().put(history_entry).build())
            .send()
            .await;
        let Err(error) = sent else { return Ok(Saved::Done) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if is_conflict(cancelled.cancellation_reasons()) =>
            {
                Ok(Saved::Conflict)
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Saved::Conflict),
            _ => Err(unavailable(Table::Catalog, &error)),
        }
    }

    fn put_current(&self, item: Item, current: Option<u64>) -> PutBuilder {
        let put = Put::builder().table_name(&self.tables.catalog).set_item(Some(item));
        match current {
            None => put.condition_expression("attribute_not_exists(kind)"),
            Some(revision) => put
                .condition_expression(HAS_REVISION)
                .expression_attribute_values(":revision", number(revision)),
        }
    }

    fn delete_current(&self, kind: Kind, name: &str, revision: u64) -> DeleteBuilder {
        Delete::builder()
            .table_name(&self.tables.catalog)
            .key("kind", text(kind.as_str()))
            .key("name", text(name))
            .condition_expression(HAS_REVISION)
            .expression_attribute_values(":revision", number(revision))
    }

    async fn revision(
        &self,
        kind: Kind,
        name: &str,
        revision: u64,
    ) -> Result<Option<Document>, PortError> {
        let found = self.catalog_item(&history_of(kind, name), &revision_key(revision)).await?;
        found.map(|item| from_item(name, item)).transpose()
    }
}
