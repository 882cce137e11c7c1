//! One message departs: the last check, the request, the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::completion::{Completion, Sent};
use super::progress::ProgressReporter;
use crate::domain::{DeliveryPolicy, Event, Notification, Outcome};
use crate::ports::{Clock, ConnectionEvent, ConnectionObserver, PortError, Provider};
use crate::use_cases::apply::{Applied, Apply};
use crate::use_cases::sender::clock::{LeaseValidity, Validity};
use crate::use_cases::sender::retry::retry_unavailable;

/// A claimed message.
pub(super) struct Departure {
    pub(super) notification: Notification,
    pub(super) policy: DeliveryPolicy,
    /// Randomness for the retry's back-off, 0 to 1000.
    pub(super) jitter_permille: u16,
    /// How long after its claim the message may depart.
    pub(super) validity: Validity,
    /// How long the lease lets it be sent. Set when its slot has come.
    pub(super) lease: Option<LeaseValidity>,
    /// Reports its progress to the pacing. Set when its slot has come.
    pub(super) progress: Option<ProgressReporter>,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) apply: Apply,
    pub(super) clock: Arc<dyn Clock>,
}

impl Departure {
    /// Sends the message, unless it is too late for that, and records the result.
    pub(super) async fn send(self) -> Completion {
        let attempt = self.notification.attempt;
        // The last check, immediately before the request. The process may have been frozen since
        // the claim, and the lane may have a new holder.
        if self.is_too_late() {
            tracing::warn!(
                notification = %self.notification.id,
                attempt,
                "too late to send: the claim is put back"
            );
            return self.put_back().await;
        }
        let reference = self.notification.reference();
        let (observer, connected_too_late) = self.connection_observer();
        let result = self.provider.send(&self.notification, &reference, observer).await;
        let outcome = result.response.outcome;
        let has_lost_its_token = !result.was_asked && outcome == Outcome::ChannelDown;
        let is_unwritten =
            connected_too_late.load(Ordering::Relaxed) && outcome == Outcome::Unreachable;
        if has_lost_its_token || is_unwritten {
            return self.put_back().await;
        }
        match &self.progress {
            Some(progress) if result.was_asked => progress.ended(outcome, result.advice),
            Some(progress) => progress.unsent(),
            None => {}
        }
        tracing::info!(
            channel = %self.notification.channel,
            notification = %self.notification.id,
            attempt,
            ?outcome,
            code = result.response.code.as_deref(),
            request_sent_at_ms = result.response.sent_at_ms,
            response_received_at_ms = result.response.received_at_ms,
            "sent"
        );
        let (at_ms, received_at_ms) = (result.response.sent_at_ms, result.response.received_at_ms);
        let event = Event::Responded {
            claim: self.notification.claim,
            response: result.response,
            policy: self.policy,
            jitter_permille: self.jitter_permille,
        };
        let after = self.record(&event).await;
        let notification = Box::new(self.notification);
        let sent =
            result.was_asked.then_some(Sent { notification, outcome, at_ms, received_at_ms });
        // A successor may have declared the message unknown, and counted it, before this answer.
        // This drain then does not count it again.
        let is_new = matches!(&after, Ok(Some(after)) if after.status_since_ms == received_at_ms);
        let stored = Completion::of_stored(after);
        let is_unknown = stored.is_unknown && is_new;
        Completion { sent, is_unknown, ..stored }
    }

    /// Puts the claim back: the message was not sent.
    pub(super) async fn put_back(&self) -> Completion {
        self.progress.iter().for_each(ProgressReporter::unsent);
        let event = Event::PutBack { claim: self.notification.claim, at_ms: self.clock.now_ms() };
        Completion::of_stored(self.record(&event).await)
    }

    fn is_too_late(&self) -> bool {
        let validities =
            std::iter::once(self.validity).chain(self.lease.map(|lease| lease.departures));
        validities.map(|validity| validity.left(&*self.clock)).any(|left| left.is_zero())
    }

    /// Reports the request's connection to the pacing. If the lease ended while the connection was
    /// being opened, because the process was frozen, the observer forbids the request and sets the
    /// flag.
    fn connection_observer(&self) -> (ConnectionObserver, Arc<AtomicBool>) {
        let connected_too_late = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&connected_too_late);
        let (progress, lease, clock) = (self.progress.clone(), self.lease, Arc::clone(&self.clock));
        let observer = move |event| {
            if let Some(progress) = &progress {
                progress.connection(event);
            }
            let holds_lease = || lease.is_none_or(|lease| !lease.full.left(&*clock).is_zero());
            let may_continue = event == ConnectionEvent::Connecting || holds_lease();
            flag.store(!may_continue, Ordering::Relaxed);
            may_continue
        };
        (Arc::new(observer), connected_too_late)
    }

    /// Records an event. Returns the notification if the event moved it. The sweeper finds the
    /// message of an event that could not be recorded when its deadline passes.
    async fn record(&self, event: &Event) -> Result<Option<Notification>, PortError> {
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
                "the result of an attempt could not be recorded"
            );
        })
    }
}
