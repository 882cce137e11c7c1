//! Channels and templates: one item each, keyed by kind and name.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DynamoStore, Item, corrupt, number, text, unavailable};
use crate::domain::channel::is_name;
use crate::domain::{Audience, Channel, HoursConfig, Schedule, Template};
use crate::ports::{Catalog, PortError};

const WHAT: &str = "the catalog table";

impl DynamoStore {
    async fn entry<T: DeserializeOwned>(
        &self,
        kind: &str,
        name: &str,
    ) -> Result<Option<T>, PortError> {
        // What cannot be a name is nobody's, and DynamoDB would refuse some of it as a key.
        if !is_name(name) {
            return Ok(None);
        }
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
        found.item.map(document).transpose()
    }

    async fn put_entry<T: Serialize>(
        &self,
        kind: &str,
        name: &str,
        value: &T,
    ) -> Result<(), PortError> {
        let document: Item =
            serde_dynamo::to_item(value).map_err(|_| corrupt(WHAT, "it does not decode"))?;
        self.client
            .update_item()
            .table_name(&self.tables.catalog)
            .key("kind", text(kind))
            .key("name", text(name))
            .update_expression("SET #document = :document ADD #revision :one")
            .expression_attribute_names("#document", "document")
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_values(":document", AttributeValue::M(document))
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .map_err(|error| unavailable(WHAT, &error))?;
        Ok(())
    }

    /// Stores a channel, new or changed.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn put_channel(&self, channel: &Channel) -> Result<(), PortError> {
        self.put_entry("channel", &channel.name, channel).await
    }

    /// Stores a template, new or changed.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn put_template(&self, template: &Template) -> Result<(), PortError> {
        self.put_entry("template", &template.name, template).await
    }
}

fn document<T: DeserializeOwned>(mut item: Item) -> Result<T, PortError> {
    let document = item.remove("document").ok_or_else(|| corrupt(WHAT, "no document"))?;
    serde_dynamo::from_attribute_value(document).map_err(|_| corrupt(WHAT, "it does not decode"))
}

#[async_trait]
impl Catalog for DynamoStore {
    async fn channel(&self, name: &str) -> Result<Option<Channel>, PortError> {
        self.entry("channel", name).await
    }

    async fn template(&self, name: &str) -> Result<Option<Template>, PortError> {
        self.entry("template", name).await
    }

    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, PortError> {
        self.entry("schedule", name).await
    }

    async fn audience(&self, name: &str) -> Result<Option<Audience>, PortError> {
        self.entry("audience", name).await
    }

    async fn hours(&self) -> Result<HoursConfig, PortError> {
        Ok(self.entry("hours", "stack").await?.unwrap_or_default())
    }

    async fn channels(&self) -> Result<Vec<Channel>, PortError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.catalog)
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", text("channel"))
            .into_paginator()
            .items()
            .send();
        let mut channels = Vec::new();
        while let Some(item) = pages.next().await {
            channels.push(document(item.map_err(|error| unavailable(WHAT, &error))?)?);
        }
        Ok(channels)
    }
}
