//! What a request has stored, or why it has stored nothing.

use crate::domain::{FieldError, Notification, SequenceId};
use crate::ports::PortError;

/// A notification that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Its present state.
    pub notification: Notification,
    /// False when an earlier request with the same key stored it.
    pub is_new: bool,
}

/// A sequence that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnqueuedSequence {
    pub id: SequenceId,
    /// The steps in their present states.
    pub steps: Vec<Notification>,
    /// False when an earlier request with the same key stored it.
    pub is_new: bool,
}

/// Why a request has stored nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotEnqueued {
    /// The producer has to change the request.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// The idempotency key was used before, with another body.
    #[error("the idempotency key was used for a different request; use a new key")]
    KeyReused,
    /// A retry may succeed, and is safe with the same key.
    #[error(transparent)]
    Port(#[from] PortError),
}
