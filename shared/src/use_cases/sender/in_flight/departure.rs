//! One message departs: the last check, the request, the record.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::claimed_message::ClaimedMessage;
use super::completion::{Completion, Sent};
use super::progress::ProgressReporter;
use crate::domain::{Event, Outcome, Reason, Response};
use crate::ports::{ConnectionEvent, ConnectionObserver, Outgoing};
use crate::use_cases::sender::clock::LeaseValidity;

/// A claimed message whose slot has come.
pub(super) struct Departure {
    pub(super) message: ClaimedMessage,
    /// How long the lease lets the message be sent.
    pub(super) lease: LeaseValidity,
    /// Reports the request's progress to the pacing.
    pub(super) progress: ProgressReporter,
}

impl Departure {
    /// Sends the message, unless it is too late for that or the message cannot be sent, and records
    /// the result.
    pub(super) async fn send(self) -> Completion {
        let notification = &self.message.notification;
        let attempt = notification.attempt;
        // The last check, immediately before the request. The process may have been frozen since
        // the claim, and the lane may have a new holder.
        if self.is_too_late() {
            tracing::warn!(
                notification = %notification.id,
                attempt,
                "too late to send: the claim is put back"
            );
            return self.put_back().await;
        }
        let content = match &self.message.content {
            Ok(content) => content,
            Err(reason) => return self.fail(reason.clone()).await,
        };
        let reference = notification.reference();
        let outgoing = Outgoing { reference: &reference, to: &notification.to, content };
        let (observer, connected_too_late) = self.connection_observer();
        let result = self.message.provider.send(outgoing, observer).await;
        let outcome = result.response.outcome;
        if connected_too_late.load(Ordering::Relaxed) && outcome == Outcome::Unreachable {
            return self.put_back().await;
        }
        if outcome == Outcome::Unsent {
            // Without a free socket, the lane has to pause.
            self.progress.ended(outcome, result.advice);
            return self.message.put_back().await;
        }
        let was_requested = was_requested(&result.response);
        if was_requested {
            self.progress.ended(outcome, result.advice);
        } else {
            self.progress.unsent();
        }
        tracing::info!(
            channel = %notification.channel,
            notification = %notification.id,
            attempt,
            was_requested,
            ?outcome,
            code = result.response.code.as_deref(),
            request_sent_at_ms = result.response.sent_at_ms,
            response_received_at_ms = result.response.received_at_ms,
            "an attempt ended"
        );
        let (at_ms, received_at_ms) = (result.response.sent_at_ms, result.response.received_at_ms);
        let event = Event::Responded {
            claim: notification.claim,
            response: result.response,
            policy: self.message.policy,
            jitter_permille: self.message.jitter_permille,
        };
        let after = self.message.record(&event).await;
        let notification = Box::new(self.message.notification);
        let sent = was_requested.then_some(Sent { notification, outcome, at_ms, received_at_ms });
        // A successor may have declared the message unknown, and counted it, before this answer.
        // This drain then does not count it again.
        let is_new = matches!(&after, Ok(Some(after)) if after.status_since_ms == received_at_ms);
        let stored = Completion::of_stored(after);
        let is_unknown = stored.is_unknown && is_new;
        Completion { sent, is_unknown, ..stored }
    }

    /// Gives the slot back to the pacing, and puts the claim back: the message was not sent.
    async fn put_back(&self) -> Completion {
        self.progress.unsent();
        self.message.put_back().await
    }

    /// Gives the slot back to the pacing, and ends the message without asking the provider.
    async fn fail(&self, reason: Reason) -> Completion {
        self.progress.unsent();
        self.message.fail(reason).await
    }

    fn is_too_late(&self) -> bool {
        let validities = [self.message.validity, self.lease.may_start_requests];
        validities.iter().any(|validity| validity.left(&*self.message.clock).is_zero())
    }

    /// Reports the request's connection to the pacing. If the lease ended while the connection was
    /// being opened, because the process was frozen, the observer forbids the request and sets the
    /// flag.
    fn connection_observer(&self) -> (ConnectionObserver, Arc<AtomicBool>) {
        let connected_too_late = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&connected_too_late);
        let (progress, may_write) = (self.progress.clone(), self.lease.may_write_requests);
        let clock = Arc::clone(&self.message.clock);
        let observer = move |event| {
            progress.connection(event);
            let holds_lease = || !may_write.left(&*clock).is_zero();
            let may_continue = event == ConnectionEvent::Connecting || holds_lease();
            flag.store(!may_continue, Ordering::Relaxed);
            may_continue
        };
        (Arc::new(observer), connected_too_late)
    }
}

/// Whether the provider was asked. An adapter that cannot write a message rejects the message by
/// itself, and only a provider's answer has a code. Such a rejection must not look like an answer:
/// it would close an open circuit.
fn was_requested(response: &Response) -> bool {
    response.outcome != Outcome::Rejected || response.code.is_some()
}
