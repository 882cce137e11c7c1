//! A provider, as one channel uses it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::error::PortError;
use super::provider_http::ConnectionObserver;
use crate::domain::{Channel, Notification, Outcome, Reference, Response};

/// What a provider's response asks of the lane, apart from its meaning for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneAdvice {
    Continue,
    /// Send nothing for this long.
    HoldFor(Duration),
    /// The limit was exceeded: send nothing for this long, and then more slowly than before.
    SlowDown(Duration),
}

/// The result of sending one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendResult {
    pub response: Response,
    pub advice: LaneAdvice,
    /// `false` when the message or the token was unusable, so the provider was not even called.
    pub was_tried: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// [`Provider::prepare`] must make a request first. That request takes a slot of the pacer.
    NeedsPreparation,
}

/// Preparing failed: the channel cannot send for a while.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct NotPrepared {
    pub advice: LaneAdvice,
    /// How the provider's response, or its absence, counts. `None` when the provider is not the
    /// cause.
    pub outcome: Option<Outcome>,
    /// For the log: the cause, and what an operator does about it. Holds no secret.
    pub detail: String,
}

#[async_trait]
pub trait Provider: Send + Sync {
    /// Whether a message could be sent now.
    async fn readiness(&self, now_ms: i64) -> Result<Readiness, PortError>;

    /// Makes the request that sending needs first, such as fetching a token. Counts against the
    /// provider's limit.
    async fn prepare(&self) -> Result<(), NotPrepared>;

    /// Sends one message, and reports its connection to `on_connection`. Never fails: every result
    /// is an outcome.
    async fn send(
        &self,
        notification: &Notification,
        reference: &Reference,
        on_connection: ConnectionObserver,
    ) -> SendResult;

    /// The longest that [`Provider::send`] takes.
    fn total_timeout(&self) -> Duration;
}

#[async_trait]
pub trait Providers: Send + Sync {
    /// The provider of a channel.
    ///
    /// # Errors
    /// [`NotPrepared`] when the channel's secret is missing or unusable.
    async fn provider(&self, channel: &Channel) -> Result<Arc<dyn Provider>, NotPrepared>;
}
