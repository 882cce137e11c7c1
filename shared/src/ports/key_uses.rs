//! When API keys were last used.

use async_trait::async_trait;

use super::error::PortError;

#[async_trait]
pub trait KeyUses: Send + Sync {
    /// Records the use of a key at a time (in Unix milliseconds), unless a use at `unless_since_ms`
    /// or later is recorded.
    async fn record_use(
        &self,
        key: &str,
        at_ms: i64,
        unless_since_ms: i64,
    ) -> Result<(), PortError>;

    /// The time of the last recorded use of a key.
    async fn last_use_ms(&self, key: &str) -> Result<Option<i64>, PortError>;
}
