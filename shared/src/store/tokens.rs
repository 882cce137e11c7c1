//! Providers' access tokens, in the state table.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{number, text};
use crate::ports::{PortError, StoredToken, Tokens};

#[derive(Deserialize)]
struct TokenRow {
    token: String,
    fetched_at_ms: i64,
    expires_at_ms: i64,
}

#[async_trait]
impl Tokens for DynamoStore {
    async fn load_token(&self, channel: &str) -> Result<Option<StoredToken>, PortError> {
        let Some(item) = self.state_row(format!("token#{channel}")).await? else { return Ok(None) };
        let row: TokenRow =
            serde_dynamo::from_item(item).map_err(|_| unusable(Table::State, UNDECODABLE))?;
        Ok(Some(StoredToken {
            token: SecretString::from(row.token),
            fetched_at_ms: row.fetched_at_ms,
            expires_at_ms: row.expires_at_ms,
        }))
    }

    async fn save_token(&self, channel: &str, token: &StoredToken) -> Result<(), PortError> {
        self.client
            .put_item()
            .table_name(&self.tables.state)
            .item("pk", text(format!("token#{channel}")))
            .item("token", text(token.token.expose_secret()))
            .item("fetched_at_ms", number(token.fetched_at_ms))
            .item("expires_at_ms", number(token.expires_at_ms))
            .item("ttl", number(token.expires_at_ms / 1000))
            .send()
            .await
            .map_err(|error| unavailable(Table::State, &error))?;
        Ok(())
    }
}
