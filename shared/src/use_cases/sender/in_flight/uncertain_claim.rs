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
    /// The claim number that the write sets. `None` until a queued message is to be claimed: any
    /// other message was claimed before and may have been sent, so its claim is never this one.
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
        let found = retry_unavailable(|| self.try_put_back()).await.inspect_err(|error| {
            tracing::error!(
                notification = %self.id,
                %error,
                "a claim may be stored although nothing was sent: the sweeper makes the message \
                 `unknown`; it is safe to send again"
            );
        });
        match found {
            Ok(Found::PutBack(after)) => Completion::of_stored(Ok(after)),
            // A delayed write may still make the claim.
            Ok(Found::NotMade(found)) => Completion {
                is_unrecorded: self.write.number.is_some(),
                ..Completion::of_stored(Ok(found))
            },
            Err(error) => Completion::of_stored(Err(error)),
        }
    }

    async fn try_put_back(&self) -> Result<Found, PortError> {
        let found = self.notifications.load(&self.id).await?;
        let Some(found) = found else { return Ok(Found::NotMade(None)) };
        if !self.write.was_made(&found) {
            return Ok(Found::NotMade(Some(found)));
        }
        let event = Event::PutBack { claim: found.claim, at_ms: self.clock.now_ms() };
        Ok(Found::PutBack(match self.apply.apply_to(found, &event).await? {
            Applied::Moved(after) => Some(*after),
            Applied::Refused(unchanged, _) => Some(*unchanged),
            Applied::Missing => None,
        }))
    }
}

/// What became of a claim whose write failed, with the stored notification.
enum Found {
    PutBack(Option<Notification>),
    /// The database has not made the claim.
    NotMade(Option<Notification>),
}
