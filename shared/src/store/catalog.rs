//! The current configuration, read from the catalog table.

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{Item, text};
use crate::domain::name::is_name;
use crate::domain::{Audience, Channel, HoursConfig, Schedule, Template};
use crate::ports::{Catalog, Kind, PortError};

impl DynamoStore {
    async fn entry<T: DeserializeOwned>(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<Option<T>, PortError> {
        // No document has such a name, and DynamoDB refuses some of these texts as a key.
        if !is_name(name) {
            return Ok(None);
        }
        self.catalog_item(kind.as_str(), name).await?.map(document).transpose()
    }
}

fn document<T: DeserializeOwned>(mut item: Item) -> Result<T, PortError> {
    let document =
        item.remove("document").ok_or_else(|| unusable(Table::Catalog, "no document"))?;
    serde_dynamo::from_attribute_value(document).map_err(|_| unusable(Table::Catalog, UNDECODABLE))
}

#[async_trait]
impl Catalog for DynamoStore {
    async fn channel(&self, name: &str) -> Result<Option<Channel>, PortError> {
        self.entry(Kind::Channel, name).await
    }

    async fn template(&self, name: &str) -> Result<Option<Template>, PortError> {
        self.entry(Kind::Template, name).await
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

    async fn channels(&self) -> Result<Vec<Channel>, PortError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.catalog)
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", text(Kind::Channel.as_str()))
            .into_paginator()
            .items()
            .send();
        let mut channels = Vec::new();
        while let Some(item) = pages.next().await {
            channels.push(document(item.map_err(|error| unavailable(Table::Catalog, &error))?)?);
        }
        Ok(channels)
    }
}
