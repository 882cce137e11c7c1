//! The current configuration, read from the catalog table.

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use super::document_item::{history_of, revision_key, revision_of};
use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{Item, text};
use crate::domain::name::is_name;
use crate::domain::{Audience, Channel, HoursConfig, Producer, Schedule, Template};
use crate::ports::{Catalog, Kind, ListedProducers, PortError, Revised};

impl DynamoStore {
    /// The item of a document.
    async fn entry_item(&self, kind: Kind, name: &str) -> Result<Option<Item>, PortError> {
        // No document has such a name, and DynamoDB refuses some of these texts as a key.
        if !is_name(name) {
            return Ok(None);
        }
        self.catalog_item(kind.as_str(), name).await
    }

    async fn entry<T: DeserializeOwned>(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<Option<T>, PortError> {
        self.entry_item(kind, name).await?.map(document).transpose()
    }

    /// All documents of a kind that can be read, and how many cannot. Those are reported.
    async fn readable_entries<T: DeserializeOwned>(
        &self,
        kind: Kind,
    ) -> Result<(Vec<T>, usize), PortError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.catalog)
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", text(kind.as_str()))
            .into_paginator()
            .items()
            .send();
        let mut entries = Vec::new();
        let mut unreadable = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| unavailable(Table::Catalog, &error))?;
            let name = item.get("name").and_then(|name| name.as_s().ok()).cloned();
            match document(item) {
                Ok(entry) => entries.push(entry),
                Err(_) => unreadable.push(name.unwrap_or_default()),
            }
        }
        if !unreadable.is_empty() {
            tracing::error!(
                metric = "unreadable_rows",
                kind = kind.as_str(),
                names = unreadable.join(", "),
                count = unreadable.len(),
                "documents of the catalog cannot be read and are left out: store them again with \
                 PUT, or deploy the version that wrote them"
            );
        }
        Ok((entries, unreadable.len()))
    }
}

pub(super) fn document<T: DeserializeOwned>(mut item: Item) -> Result<T, PortError> {
    let document =
        item.remove("document").ok_or_else(|| unusable(Table::Catalog, "no document"))?;
    serde_dynamo::from_attribute_value(document).map_err(|_| unusable(Table::Catalog, UNDECODABLE))
}

#[async_trait]
impl Catalog for DynamoStore {
    async fn channel(&self, name: &str) -> Result<Option<Channel>, PortError> {
        self.entry(Kind::Channel, name).await
    }

    async fn template(&self, name: &str) -> Result<Option<Revised<Template>>, PortError> {
        let Some(item) = self.entry_item(Kind::Template, name).await? else { return Ok(None) };
        Ok(Some(Revised { revision: revision_of(&item)?, document: document(item)? }))
    }

    async fn template_revision(
        &self,
        name: &str,
        revision: u64,
    ) -> Result<Option<Template>, PortError> {
        if !is_name(name) {
            return Ok(None);
        }
        // The history has every revision, also the present one: the transaction that changes a
        // document adds to its history. Nothing is ever removed from it.
        let history = history_of(Kind::Template, name);
        let found = self.catalog_item(&history, &revision_key(revision)).await?;
        // The entry of a deletion has no document.
        let found = found.filter(|item| item.contains_key("document"));
        found.map(document).transpose()
    }

    async fn channels(&self) -> Result<Vec<Channel>, PortError> {
        let (channels, _unreadable) = self.readable_entries(Kind::Channel).await?;
        Ok(channels)
    }

    async fn producer(&self, name: &str) -> Result<Option<Producer>, PortError> {
        self.entry(Kind::Producer, name).await
    }

    async fn producers(&self) -> Result<ListedProducers, PortError> {
        let (producers, unreadable) = self.readable_entries(Kind::Producer).await?;
        Ok(ListedProducers { producers, unreadable })
    }

    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, PortError> {
        self.entry(Kind::Schedule, name).await
    }

    async fn audience(&self, name: &str) -> Result<Option<Audience>, PortError> {
        self.entry(Kind::Audience, name).await
    }

    async fn hours(&self) -> Result<HoursConfig, PortError> {
        Ok(self.entry(Kind::Hours, Kind::STACK_HOURS).await?.unwrap_or_default())
    }
}
