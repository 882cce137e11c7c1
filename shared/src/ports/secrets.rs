//! Secrets by name.

use async_trait::async_trait;
use secrecy::SecretString;

use super::error::PortError;

#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret's text; `None` when no secret has the name.
    async fn secret(&self, name: &str) -> Result<Option<SecretString>, PortError>;
}
