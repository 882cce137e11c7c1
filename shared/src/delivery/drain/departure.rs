//! One message leaves: the last look, the call, the record.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::traffic::{Landed, Sent};
use crate::delivery::{Applied, Apply};
use crate::domain::agenda::agenda_key;
use crate::domain::pacer::DepartureNumber;
use crate::domain::{DeliveryPolicy, Event, Notification, Status};
use crate::ports::{Clock, PortError, Provider};

/// A claimed message, ready to leave.
pub(super) struct Departure {
    pub notification: Notification,
    pub policy: DeliveryPolicy,
    pub jitter_permille: u16,
    pub claimed_at: Instant,
    /// It must not leave after this: the claim is too old then, or the lease too short.
    pub leave_by: Instant,
    /// Which departure the pacer knows it as.
    pub number: Option<DepartureNumber>,
    pub provider: Arc<dyn Provider>,
    pub apply: Apply,
    pub clock: Arc<dyn Clock>,
}

/// Pauses between tries to record what happened. The answer is in nobody else's hands.
const RECORD_PAUSES_MS: [u64; 5] = [50, 200, 500, 1000, 2000];

impl Departure {
    /// Sends the message, unless it is too late for that, and records what came of it.
    pub(super) async fn leave(self) -> Landed {
        let attempt = self.notification.attempt;
        // The last look, immediately before the call. A process that was frozen between its claim
        // and now finds that it may not send any more: the lane may have a new holder.
        if Instant::now() >= self.leave_by {
            tracing::warn!(notification = %self.notification.id, attempt, "too late to leave: put back unsent");
            return self.put_back().await;
        }
        let reference = self.notification.reference();
        let sent = self.provider.send(&self.notification, &reference).await;
        let advice = sent.advice;
        let outcome = sent.response.outcome;
        tracing::info!(
            channel = %self.notification.channel,
            notification = %self.notification.id,
            attempt,
            ?outcome,
            code = sent.response.code.as_deref(),
            request_sent_at_ms = sent.response.sent_at_ms,
            response_received_at_ms = sent.response.received_at_ms,
            "sent"
        );
        // Rounded up: an answer is never taken for earlier than it was.
        let answered_at_us = 1000 * (sent.response.received_at_ms + 1);
        let answered = self.number.map(|number| (number, answered_at_us));
        let (at_ms, received_at_ms) = (sent.response.sent_at_ms, sent.response.received_at_ms);
        let event = Event::Responded {
            claim: self.notification.claim,
            response: sent.response,
            policy: self.policy,
            jitter_permille: self.jitter_permille,
        };
        let after = self.record(&event).await;
        let notification = Box::new(self.notification);
        let sent = Some(Sent { notification, outcome, at_ms, received_at_ms });
        let landed = standing(after.as_ref());
        // Not what a successor had declared unknown, and counted, before this answer.
        let is_new = after.is_some_and(|after| after.status_since_ms == received_at_ms);
        let is_unknown = landed.is_unknown && is_new;
        Landed { answered, advice, sent, is_unknown, ..landed }
    }

    /// Gives the claim back unsent.
    pub(super) async fn put_back(&self) -> Landed {
        let event = Event::PutBack { claim: self.notification.claim, at_ms: self.clock.now_ms() };
        let after = self.record(&event).await;
        let now_us = self.clock.now_us();
        let answered = self.number.map(|number| (number, now_us));
        Landed { answered, ..standing(after.as_ref()) }
    }

    /// Records an event, and tries again for a while when the store fails. What cannot be
    /// recorded is found when its deadline passes.
    async fn record(&self, event: &Event) -> Option<Notification> {
        let mut pauses = RECORD_PAUSES_MS.iter();
        loop {
            let error: PortError = match self.apply.apply_to(self.notification.clone(), event).await
            {
                Ok(Applied::Moved(after)) => return Some(*after),
                Ok(Applied::Refused(..) | Applied::Missing) => return None,
                Err(error) => error,
            };
            let Some(pause_ms) = pauses.next() else {
                tracing::error!(
                    notification = %self.notification.id,
                    attempt = self.notification.attempt,
                    %error,
                    "what became of an attempt could not be recorded"
                );
                return None;
            };
            tokio::time::sleep(Duration::from_millis(*pause_ms)).await;
        }
    }
}

/// What the lane has to know of where a message stands now.
fn standing(after: Option<&Notification>) -> Landed {
    let Some(after) = after else { return Landed::default() };
    match after.status {
        Status::Queued => Landed { requeued: agenda_key(after), ..Landed::default() },
        Status::Deferred => Landed { due_ms: Some(after.ready_at_ms), ..Landed::default() },
        Status::Unknown => Landed { is_unknown: true, ..Landed::default() },
        Status::Blocked
        | Status::Sending
        | Status::Accepted
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Landed::default(),
    }
}
