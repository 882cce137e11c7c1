//! Lets operators read and cancel what belongs to any producer.

use std::sync::Arc;

use crate::domain::{Event, NotificationId, SequenceId};
use crate::ports::{Clock, Notifications, PortError, Sequences};
use crate::use_cases::apply::{Applied, Apply};
use crate::use_cases::stored_sequence::{StoredSequence, cancel, with_notifications};

#[derive(Clone)]
pub struct Overrule {
    pub apply: Apply,
    pub notifications: Arc<dyn Notifications>,
    pub sequences: Arc<dyn Sequences>,
    pub clock: Arc<dyn Clock>,
}

impl Overrule {
    /// Withdraws a notification that has not left. Repeating this changes nothing.
    pub async fn cancel(&self, id: &NotificationId, by: &str) -> Result<Applied, PortError> {
        let event = Event::CancelRequested { at_ms: self.clock.now_ms() };
        let applied = self.apply.apply(id, &event).await?;
        if let Applied::Moved(notification) = &applied {
            let owner = &notification.owner;
            tracing::info!(notification = %id, owner, by, "an operator cancelled a notification");
        }
        Ok(applied)
    }

    /// A sequence of any producer; `None` when there is none with this id.
    pub async fn sequence(&self, id: &SequenceId) -> Result<Option<StoredSequence>, PortError> {
        match self.sequences.sequence(id).await? {
            Some(sequence) => Ok(Some(with_notifications(&*self.notifications, sequence).await?)),
            None => Ok(None),
        }
    }

    /// Withdraws everything of a sequence that has not left; `None` when there is none with this id.
    ///
    /// # Errors
    /// [`PortError`]: repeating this completes it.
    pub async fn cancel_sequence(
        &self,
        id: &SequenceId,
        by: &str,
    ) -> Result<Option<StoredSequence>, PortError> {
        let Some(sequence) = self.sequences.sequence(id).await? else { return Ok(None) };
        let owner = sequence.owner.clone();
        let cancelled = cancel(&self.apply, sequence, self.clock.now_ms()).await?;
        tracing::info!(sequence = %id, owner, by, "an operator cancelled a sequence");
        Ok(Some(cancelled))
    }
}
