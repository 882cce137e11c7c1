//! Providers' access tokens, shared by all senders.

use async_trait::async_trait;
use secrecy::SecretString;

use super::error::PortError;

#[derive(Clone, Debug)]
pub struct StoredToken {
    pub token: SecretString,
    pub fetched_at_ms: i64,
    pub expires_at_ms: i64,
}

#[async_trait]
pub trait Tokens: Send + Sync {
    async fn load_token(&self, channel: &str) -> Result<Option<StoredToken>, PortError>;

    async fn save_token(&self, channel: &str, token: &StoredToken) -> Result<(), PortError>;
}
