//! A provider, as one channel uses it.

use std::time::Duration;

use async_trait::async_trait;

use super::error::PortError;
use super::provider_http::ConnectionObserver;
use crate::domain::{Address, Attempt, Content, Guarantees, Outcome, Receipt, Reference, Response};

/// What a provider's response asks of the lane, apart from its meaning for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneAdvice {
    Continue,
    /// Send nothing for this long.
    HoldFor(Duration),
    /// The account cannot send now: open the circuit, and probe the provider from time to time.
    OpenCircuit,
    /// The limit was exceeded: send nothing for this long, and then more slowly than before.
    SlowDown(Duration),
}

/// The result of sending one message. Every outcome but [`Outcome::Unsent`] means that a request was
/// made, except [`Outcome::Rejected`] for a message that cannot be written as a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendResult {
    pub response: Response,
    pub advice: LaneAdvice,
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

/// A message that is about to leave.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// The key of this attempt; the receipts name it.
    pub reference: &'a Reference,
    pub to: &'a Address,
    /// Its variables are filled in.
    pub content: &'a Content,
}

/// A message that the provider is asked about.
#[derive(Clone, Debug)]
pub struct Inquiry<'a> {
    pub reference: &'a Reference,
    pub to: &'a Address,
    pub attempt: &'a Attempt,
}

/// What the provider says about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The provider cannot be asked about this message.
    CannotBeAsked,
    /// The provider will send the message's receipt again.
    ReceiptComes,
    Answered(Receipt),
    /// The provider does not know the message.
    NotKnown {
        /// The provider's code.
        code: String,
    },
    /// No usable answer came. Asking again is harmless.
    NoAnswer,
}

#[async_trait]
pub trait Provider: Send + Sync {
    /// The guarantees of the provider's adapter.
    fn guarantees(&self) -> Guarantees;

    /// Whether a message could be sent now.
    async fn readiness(&self, now_ms: i64) -> Result<Readiness, PortError>;

    /// Makes the request that sending needs first, such as fetching a token. Counts against the
    /// provider's limit.
    async fn prepare(&self) -> Result<(), NotPrepared>;

    /// Sends one message, and reports its connection to `on_connection`. Never fails: every result
    /// is an outcome.
    async fn send(&self, message: Outgoing<'_>, on_connection: ConnectionObserver) -> SendResult;

    /// Finds out whether the provider can be reached and takes the channel's credentials, without
    /// sending a message. Counts against the provider's limit.
    async fn probe(&self) -> Result<(), NotPrepared>;

    /// Asks what became of a message. Sends nothing to the recipient. Counts against the provider's
    /// limit. Gives [`Asked::NoAnswer`] while [`Provider::prepare`] would have to be called first.
    async fn ask(&self, inquiry: Inquiry<'_>) -> Asked;

    /// The longest that [`Provider::send`] takes.
    fn total_timeout(&self) -> Duration;
}
