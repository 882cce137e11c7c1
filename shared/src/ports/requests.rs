//! Which of several requests an idempotency key stands for.
//!
//! The row under the id of the request's first notification decides, whether the request asks for
//! one notification or for many. A conditional put creates this row, so of two requests that race
//! under one key exactly one wins.

use async_trait::async_trait;

use super::error::PortError;
use super::saved::Saved;
use crate::domain::NotificationId;

#[async_trait]
pub trait Requests: Send + Sync {
    /// The digest of the request that has the id of its first notification. `None`: the id, and
    /// with it the key, is unused.
    async fn digest_of(&self, first: &NotificationId) -> Result<Option<String>, PortError>;

    /// Stores a placeholder under the id of a request's first notification, which is not stored
    /// now. The placeholder is no notification. Only a notification of the same request can
    /// replace it. `Conflict`: another request has the id.
    async fn hold_place(&self, first: &NotificationId, digest: &str) -> Result<Saved, PortError>;
}
