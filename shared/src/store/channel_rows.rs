//! All channels of the catalog table.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use super::catalog::document;
use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::{Item, text};
use crate::domain::SecretDigest;
use crate::ports::{ChannelRow, ChannelRows, Kind, PortError};

/// The hashes of the secrets of a channel's webhook. Every version of the code has to store them in
/// this place and form: a version that does not find them refuses the channel's receipts.
fn receipt_secrets(item: &Item) -> Vec<SecretDigest> {
    let secrets = item
        .get("document")
        .and_then(|document| document.as_m().ok())
        .and_then(|document| document.get("receipt_secrets"))
        .and_then(|secrets| secrets.as_l().ok());
    let hash = |secret: &AttributeValue| {
        let hash = secret.as_m().ok()?.get("sha256")?.as_s().ok()?;
        SecretDigest::try_from(hash.clone()).ok()
    };
    secrets.into_iter().flatten().filter_map(hash).collect()
}

#[async_trait]
impl ChannelRows for DynamoStore {
    async fn channel_rows(&self) -> Result<BTreeMap<String, ChannelRow>, PortError> {
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
            let receipt_secrets = receipt_secrets(&item);
            let row = ChannelRow { receipt_secrets, channel: document(item).ok() };
            rows.insert(name.unwrap_or_default(), row);
        }
        Ok(rows)
    }
}
