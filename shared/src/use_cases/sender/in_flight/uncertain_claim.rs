//! A claim whose write failed. The database may have made it all the same, but nothing was sent. So
//! the claim is put back once the database answers again.

use std::sync::Arc;

use super::completion::Completion;
use crate::domain::{Event, Notification, NotificationId, Status};
use crate::ports::{Clock, Notifications, PortError};
use crate::use_cases::apply::{Applied, Apply};
use crate::use_cases::sender::retry::retry_unavailable;

/// What tells a claim's write apart from every other claim of the same message.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClaimWrite {
    /// The fencing number of this sender's lease.
    pub(super) fence: u64,
    /// The claim number that the write sets. `None` when the message was not queued: such a message
    /// was claimed before and may have been sent, so its claim is never this one.
    pub(super) number: Option<u32>,
}

impl ClaimWrite {
    /// Whether the database made this write. No other sender claims under this lease, and this
    /// sender makes no second claim of a message that it has in flight.
    pub(super) fn was_made(self, found: &Notification) -> bool {
        let fence = found.attempt_record(found.attempt).map(|attempt| attempt.fence);
        // A successor or the sweeper may have declared the claim orphaned.
        matches!(found.status, Status::Sending | Status::Unknown)
            && fence == Some(self.fence)
            && Some(found.claim) == self.number
    }
}

/// A claim that failed: whether the database made it is not known.
pub(super) struct UncertainClaim {
    pub(super) error: PortError,
    pub(super) id: NotificationId,
    pub(super) write: ClaimWrite,
    pub(super) notifications: Arc<dyn Notifications>,
    pub(super) apply: Apply,
    pub(super) clock: Arc<dyn Clock>,
}

impl UncertainClaim {
    /// Puts the claim back if the database made it. If the database stays unavailable, the sweeper
    /// finds the claim.
    pub(super) async fn put_back_if_made(&self) -> Completion {
        let after = retry_unavailable(|| self.try_put_back()).await;
        Completion::of_stored(after.inspect_err(|error| {
            tracing::error!(
                notification = %self.id,
                %error,
                "a claim may be stored although nothing was sent: the sweeper makes the message \
                 `unknown`; it is safe to send again"
            );
        }))
    }

    async fn try_put_back(&self) -> Result<Option<Notification>, PortError> {
        let Some(found) = self.notifications.load(&self.id).await? else { return Ok(None) };
        if !self.write.was_made(&found) {
            return Ok(Some(found));
        }
        let event = Event::PutBack { claim: found.claim, at_ms: self.clock.now_ms() };
        match self.apply.apply_to(found, &event).await? {
            Applied::Moved(after) => Ok(Some(*after)),
            Applied::Refused(unchanged, _) => Ok(Some(*unchanged)),
            Applied::Missing => Ok(None),
        }
    }
}
