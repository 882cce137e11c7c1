//! Secrets by name.

use async_trait::async_trait;
use secrecy::SecretString;

use super::error::PortError;

#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret's text; `None` when no secret has the name. While the secrets cannot be read, it may
    /// be a text that was read earlier.
    async fn secret(&self, name: &str) -> Result<Option<SecretString>, PortError>;
}
