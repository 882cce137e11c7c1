//! Stored sequences.

use async_trait::async_trait;

use super::error::PortError;
use super::saved::Saved;
use crate::domain::{Notification, Sequence, SequenceId};

#[async_trait]
pub trait Sequences: Send + Sync {
    /// Stores a new sequence and its notifications, all or none: [`Saved::Conflict`] when one of
    /// the ids is taken.
    async fn create_sequence(
        &self,
        sequence: &Sequence,
        notifications: &[Notification],
    ) -> Result<Saved, PortError>;

    /// Reads a sequence, strongly consistent.
    async fn sequence(&self, id: &SequenceId) -> Result<Option<Sequence>, PortError>;
}
