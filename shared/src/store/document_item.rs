//! Documents as items of the catalog table: one item for each document, and one for each revision
//! in its history.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{Item, number, text};
use crate::ports::{Document, Kind, PortError};

impl DynamoStore {
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
            .map_err(|error| unavailable(Table::Catalog, &error))?;
        Ok(found.item)
    }
}

pub(super) fn history_of(kind: Kind, name: &str) -> String {
    format!("history#{}#{name}", kind.as_str())
}

/// A revision as a sort key: text order is number order.
pub(super) fn revision_key(revision: u64) -> String {
    format!("{revision:010}")
}

pub(super) fn to_item(kind: &str, name: &str, document: &Document) -> Result<Item, PortError> {
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
                .map_err(|_| unusable(Table::Catalog, UNDECODABLE))?;
            item.insert("document".to_owned(), body);
        }
        Some(_) => return Err(unusable(Table::Catalog, "a document must be an object")),
    }
    Ok(item)
}

pub(super) fn revision_of(item: &Item) -> Result<u64, PortError> {
    let revision =
        integer(item, "revision").ok_or_else(|| unusable(Table::Catalog, "no revision number"))?;
    u64::try_from(revision).map_err(|_| unusable(Table::Catalog, "a revision number below 0"))
}

fn integer(item: &Item, field: &str) -> Option<i64> {
    item.get(field)?.as_n().ok()?.parse().ok()
}

pub(super) fn from_item(name: &str, mut item: Item) -> Result<Document, PortError> {
    let revision = revision_of(&item)?;
    let body = item
        .remove("document")
        .map(serde_dynamo::from_attribute_value)
        .transpose()
        .map_err(|_| unusable(Table::Catalog, UNDECODABLE))?;
    let changed_by = item.get("changed_by").and_then(|by| by.as_s().ok()).cloned();
    Ok(Document {
        name: name.to_owned(),
        revision,
        body,
        changed_by: changed_by.unwrap_or_default(),
        changed_at_ms: integer(&item, "changed_at_ms").unwrap_or_default(),
    })
}
