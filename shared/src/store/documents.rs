//! The catalog as operators change it: one item a document, and one a revision in its history.
//!
//! Both are written in one transaction, on two conditions: that the document is as it was read, and
//! that nobody has used the new revision's number. A number is not used again when a document was
//! deleted and made anew, so whoever holds an old one can never overwrite the new document with it.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use serde_json::Value;

use super::notifications::is_lost_race;
use super::{DynamoStore, Item, corrupt, number, text, unavailable};
use crate::ports::PortError;
use crate::ports::scheduling::{Changed, Document, Documents, Expected, Kind};

const WHAT: &str = "the catalog table";

const AS_READ: &str = "revision = :revision";

/// A race with more than this many others is an outage.
const TRIES: u32 = 8;

impl Document {
    /// Whether both say that the same was done by the same at the same time.
    fn is_same_change(&self, other: &Self) -> bool {
        self.revision == other.revision
            && self.body == other.body
            && self.changed_by == other.changed_by
            && self.changed_at_ms == other.changed_at_ms
    }
}

/// How one try to change a document ended.
enum Tried {
    Done,
    /// It is not as it was read, or the number is taken.
    Lost,
}

impl DynamoStore {
    /// Makes one change: `wanted.body` is what the document is to say, `None` to delete it.
    async fn change(
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
                return Ok(Changed::Lost(current));
            }
            let newest = self.history(kind, &wanted.name, 1).await?;
            let newest = newest.first().map_or(0, |newest| newest.revision);
            wanted.revision = newest.max(current.unwrap_or(0)) + 1;
            match self.write(kind, &wanted, current).await? {
                Tried::Done => return Ok(Changed::Done(wanted.revision)),
                Tried::Lost => {}
            }
            // The client repeats a write whose answer was lost. Finding exactly what was to be
            // written means that it was written.
            let found = self.revision(kind, &wanted.name, wanted.revision).await?;
            if found.is_some_and(|found| found.is_same_change(&wanted)) {
                return Ok(Changed::Done(wanted.revision));
            }
            // The others are at work on the same document: give them room.
            tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
        }
        Err(PortError::Unavailable {
            what: WHAT,
            detail: format!("{} {} lost {TRIES} races", kind.as_str(), wanted.name),
        })
    }

    /// Writes the document, or deletes it, and notes that in its history.
    async fn write(
        &self,
        kind: Kind,
        wanted: &Document,
        current: Option<u64>,
    ) -> Result<Tried, PortError> {
        let unusable = |_| corrupt(WHAT, "it does not decode");
        let document = match (&wanted.body, current) {
            (None, _) => {
                let delete = self.delete_current(kind, &wanted.name, current.unwrap_or(0));
                TransactWriteItem::builder().delete(delete.build().map_err(unusable)?)
            }
            (Some(_), current) => {
                let item = to_item(kind.as_str(), &wanted.name, wanted)?;
                let put = self.put_current(item, current).build().map_err(unusable)?;
                TransactWriteItem::builder().put(put)
            }
        };
        let note = Put::builder()
            .table_name(&self.tables.catalog)
            .set_item(Some(to_item(
                &history_of(kind, &wanted.name),
                &place(wanted.revision),
                wanted,
            )?))
            .condition_expression("attribute_not_exists(kind)")
            .build()
            .map_err(unusable)?;
        let sent = self
            .client
            .transact_write_items()
            .transact_items(document.build())
            .transact_items(TransactWriteItem::builder().put(note).build())
            .send()
            .await;
        let Err(error) = sent else { return Ok(Tried::Done) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if is_lost_race(cancelled.cancellation_reasons()) =>
            {
                Ok(Tried::Lost)
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Tried::Lost),
            _ => Err(unavailable(WHAT, &error)),
        }
    }

    fn put_current(&self, item: Item, current: Option<u64>) -> PutBuilder {
        let put = Put::builder().table_name(&self.tables.catalog).set_item(Some(item));
        match current {
            None => put.condition_expression("attribute_not_exists(kind)"),
            Some(revision) => put
                .condition_expression(AS_READ)
                .expression_attribute_values(":revision", number(revision)),
        }
    }

    fn delete_current(&self, kind: Kind, name: &str, revision: u64) -> DeleteBuilder {
        Delete::builder()
            .table_name(&self.tables.catalog)
            .key("kind", text(kind.as_str()))
            .key("name", text(name))
            .condition_expression(AS_READ)
            .expression_attribute_values(":revision", number(revision))
    }

    async fn revision(
        &self,
        kind: Kind,
        name: &str,
        revision: u64,
    ) -> Result<Option<Document>, PortError> {
        let found = self.catalog_item(&history_of(kind, name), &place(revision)).await?;
        found.map(|item| from_item(name, item)).transpose()
    }

    pub(super) async fn catalog_item(
        &self,
        kind: &str,
        name: &str,
    ) -> Result<Option<Item>, PortError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.catalog)
            .key("kind", text(kind))
            .key("name", text(name))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(WHAT, &error))?;
        Ok(found.item)
    }
}

fn history_of(kind: Kind, name: &str) -> String {
    format!("history#{}#{name}", kind.as_str())
}

/// A revision as a sort key: in the order of the numbers.
fn place(revision: u64) -> String {
    format!("{revision:010}")
}

fn to_item(kind: &str, name: &str, document: &Document) -> Result<Item, PortError> {
    let mut item = Item::from([
        ("kind".to_owned(), text(kind)),
        ("name".to_owned(), text(name)),
        ("revision".to_owned(), number(document.revision)),
        ("changed_by".to_owned(), text(&document.changed_by)),
        ("changed_at_ms".to_owned(), number(document.changed_at_ms)),
    ]);
    match &document.body {
        None => {}
        Some(body @ Value::Object(_)) => {
            let body: AttributeValue = serde_dynamo::to_attribute_value(body)
                .map_err(|_| corrupt(WHAT, "it does not decode"))?;
            item.insert("document".to_owned(), body);
        }
        Some(_) => return Err(corrupt(WHAT, "a document must be an object")),
    }
    Ok(item)
}

fn from_item(name: &str, mut item: Item) -> Result<Document, PortError> {
    let integer = |item: &Item, field| {
        item.get(field).and_then(|value| value.as_n().ok()).and_then(|value| value.parse().ok())
    };
    let revision: i64 =
        integer(&item, "revision").ok_or_else(|| corrupt(WHAT, "no revision number"))?;
    let body = item
        .remove("document")
        .map(serde_dynamo::from_attribute_value)
        .transpose()
        .map_err(|_| corrupt(WHAT, "it does not decode"))?;
    let changed_by = item.get("changed_by").and_then(|by| by.as_s().ok()).cloned();
    Ok(Document {
        name: name.to_owned(),
        revision: u64::try_from(revision)
            .map_err(|_| corrupt(WHAT, "a revision number below 0"))?,
        body,
        changed_by: changed_by.unwrap_or_default(),
        changed_at_ms: integer(&item, "changed_at_ms").unwrap_or_default(),
    })
}

#[async_trait]
impl Documents for DynamoStore {
    async fn document(&self, kind: Kind, name: &str) -> Result<Option<Document>, PortError> {
        let found = self.catalog_item(kind.as_str(), name).await?;
        found.map(|item| from_item(name, item)).transpose()
    }

    async fn documents(
        &self,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.catalog)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":kind", text(kind.as_str()));
        let query = match after {
            None => query.key_condition_expression("kind = :kind"),
            Some(after) => query
                .key_condition_expression("kind = :kind AND #name > :after")
                .expression_attribute_names("#name", "name")
                .expression_attribute_values(":after", text(after)),
        };
        let mut items = query.into_paginator().items().send();
        let mut documents = Vec::new();
        while documents.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| unavailable(WHAT, &error))?;
            let name = item
                .get("name")
                .and_then(|name| name.as_s().ok())
                .cloned()
                .ok_or_else(|| corrupt(WHAT, "no name"))?;
            documents.push(from_item(&name, item)?);
        }
        Ok(documents)
    }

    async fn put_document(
        &self,
        kind: Kind,
        document: &Document,
        expected: Expected,
    ) -> Result<Changed, PortError> {
        if document.body.is_none() {
            return Err(corrupt(WHAT, "a document must be an object"));
        }
        self.change(kind, document.clone(), expected).await
    }

    async fn delete_document(
        &self,
        kind: Kind,
        name: &str,
        expected: Expected,
        changed_by: &str,
        changed_at_ms: i64,
    ) -> Result<Changed, PortError> {
        let deletion = Document {
            name: name.to_owned(),
            revision: 0,
            body: None,
            changed_by: changed_by.to_owned(),
            changed_at_ms,
        };
        self.change(kind, deletion, expected).await
    }

    async fn history(
        &self,
        kind: Kind,
        name: &str,
        limit: usize,
    ) -> Result<Vec<Document>, PortError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.catalog)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", text(history_of(kind, name)))
            .into_paginator()
            .items()
            .send();
        let mut revisions = Vec::new();
        while revisions.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| unavailable(WHAT, &error))?;
            revisions.push(from_item(name, item)?);
        }
        Ok(revisions)
    }
}
