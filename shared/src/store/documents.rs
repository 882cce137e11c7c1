//! Documents and their history, as operators read and change them.

use async_trait::async_trait;

use super::document_item::{from_item, history_of};
use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::item::text;
use crate::ports::{Changed, Document, Documents, Expected, Kind, PortError};

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
            let item = item.map_err(|error| unavailable(Table::Catalog, &error))?;
            let name = item
                .get("name")
                .and_then(|name| name.as_s().ok())
                .cloned()
                .ok_or_else(|| unusable(Table::Catalog, "no name"))?;
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
            return Err(unusable(Table::Catalog, "a document must be an object"));
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
            let item = item.map_err(|error| unavailable(Table::Catalog, &error))?;
            revisions.push(from_item(name, item)?);
        }
        Ok(revisions)
    }
}
