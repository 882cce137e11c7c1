//! Secrets Manager inside this process, with the same secret for every channel.

use alimi::ports::{PortError, Secrets};
use async_trait::async_trait;
use secrecy::SecretString;

use crate::simulator::PASSWORD;

/// The secret in the address of every local webhook.
pub const WEBHOOK_SECRET: &str = "local-webhook-secret";

/// The beginning of the names of channels' secrets: the default in `template.yaml`.
pub const SECRET_PREFIX: &str = "alimi/";

/// The JSON text of every channel's secret.
#[must_use]
pub fn channel_secret() -> String {
    serde_json::json!({ "password": PASSWORD }).to_string()
}

pub(crate) struct LocalSecrets;

#[async_trait]
impl Secrets for LocalSecrets {
    async fn secret(&self, name: &str) -> Result<Option<SecretString>, PortError> {
        let is_of_a_channel = name.starts_with(SECRET_PREFIX);
        Ok(is_of_a_channel.then(|| SecretString::from(channel_secret())))
    }
}
