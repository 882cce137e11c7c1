//! All channels of the catalog table.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::catalog::document;
use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::text;
use crate::domain::Channel;
use crate::ports::{ChannelRows, Kind, PortError};

#[async_trait]
impl ChannelRows for DynamoStore {
    async fn channel_rows(&self) -> Result<BTreeMap<String, Option<Channel>>, PortError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.catalog)
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", text(Kind::Channel.as_str()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut rows = BTreeMap::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| unavailable(Table::Catalog, &error))?;
            let name = item.get("name").and_then(|name| name.as_s().ok()).cloned();
            rows.insert(name.unwrap_or_default(), document(item).ok());
        }
        Ok(rows)
    }
}
