//! Records of bulk requests, for idempotency.

use async_trait::async_trait;

use super::error::PortError;

#[async_trait]
pub trait Requests: Send + Sync {
    /// Stores the digest of a request's body under the request's id. When a digest is stored
    /// already, returns that one and stores nothing.
    async fn remember(
        &self,
        request_id: &str,
        digest: &str,
        at_ms: i64,
    ) -> Result<Option<String>, PortError>;

    /// The digest stored under a request's id.
    async fn recall(&self, request_id: &str) -> Result<Option<String>, PortError>;
}
