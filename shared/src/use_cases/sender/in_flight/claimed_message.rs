//! A message that this sender has claimed: it waits for its slot, and then departs, is put back, or
//! fails because it cannot be sent.

use std::sync::Arc;

use super::completion::Completion;
use super::content::Sendable;
use crate::domain::{DeliveryPolicy, Event, Notification, Reason};
use crate::ports::{Clock, PortError, Provider};
use crate::use_cases::apply::{Applied, Apply};
use crate::use_cases::sender::clock::Validity;
use crate::use_cases::sender::retry::retry_unavailable;

pub(super) struct ClaimedMessage {
    pub(super) notification: Notification,
    /// Only in memory: nothing stores the texts.
    pub(super) content: Sendable,
    pub(super) policy: DeliveryPolicy,
    /// Randomness for the retry's back-off, 0 to 1000.
    pub(super) jitter_permille: u16,
    /// How long after its claim the message may depart.
    pub(super) validity: Validity,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) apply: Apply,
    pub(super) clock: Arc<dyn Clock>,
}

impl ClaimedMessage {
    /// Puts the claim back: the message was not sent.
    pub(super) async fn put_back(&self) -> Completion {
        let event = Event::PutBack { claim: self.notification.claim, at_ms: self.clock.now_ms() };
        Completion::of_stored(self.record(&event).await)
    }

    /// Ends the message: it was not sent, and cannot be.
    pub(super) async fn fail(&self, reason: Reason) -> Completion {
        let (claim, at_ms) = (self.notification.claim, self.clock.now_ms());
        Completion::of_stored(self.record(&Event::Invalid { claim, reason, at_ms }).await)
    }

    /// Records an event. Returns the notification if the event moved it. The sweeper finds the
    /// message of an event that could not be recorded when its deadline passes.
    pub(super) async fn record(&self, event: &Event) -> Result<Option<Notification>, PortError> {
        let recording = || async {
            match self.apply.apply_to(self.notification.clone(), event).await? {
                Applied::Moved(after) => Ok(Some(*after)),
                Applied::Refused(..) | Applied::Missing => Ok(None),
            }
        };
        retry_unavailable(recording).await.inspect_err(|error| {
            tracing::error!(
                notification = %self.notification.id,
                attempt = self.notification.attempt,
                %error,
                "the result of an attempt could not be recorded; the message stays `sending`, and \
                 the sweeper makes it `unknown`; its receipt still counts"
            );
        })
    }
}
