//! One message leaves: the last look, the call, the record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::news::Numbered;
use super::steady::Term;
use super::traffic::{Landed, Lent, Sent};
use crate::delivery::{Applied, Apply};
use crate::domain::agenda::agenda_key;
use crate::domain::{DeliveryPolicy, Event, Notification, Outcome, Status};
use crate::ports::{Clock, PortError, Provider, Way, WayListener};

/// A claimed message, ready to leave.
pub(super) struct Departure {
    pub notification: Notification,
    pub policy: DeliveryPolicy,
    pub jitter_permille: u16,
    /// From the claim, for as long as it may leave.
    pub term: Term,
    /// For how long the lease lets it, once it leaves.
    pub lease: Option<Lent>,
    /// Which departure the pacer knows it as, once it leaves.
    pub numbered: Option<Numbered>,
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
        if self.is_too_late() {
            tracing::warn!(notification = %self.notification.id, attempt, "too late to leave: put back unsent");
            return self.put_back().await;
        }
        let reference = self.notification.reference();
        let (way, came_too_late) = self.way();
        let sent = self.provider.send(&self.notification, &reference, way).await;
        let outcome = sent.response.outcome;
        let has_lost_its_token = !sent.was_asked && outcome == Outcome::ChannelDown;
        let is_unwritten = came_too_late.load(Ordering::Relaxed) && outcome == Outcome::Unreachable;
        if has_lost_its_token || is_unwritten {
            return self.put_back().await;
        }
        match &self.numbered {
            Some(numbered) if sent.was_asked => numbered.answered(outcome, sent.advice),
            Some(numbered) => numbered.unsent(),
            None => {}
        }
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
        let (at_ms, received_at_ms) = (sent.response.sent_at_ms, sent.response.received_at_ms);
        let event = Event::Responded {
            claim: self.notification.claim,
            response: sent.response,
            policy: self.policy,
            jitter_permille: self.jitter_permille,
        };
        let after = self.record(&event).await;
        let notification = Box::new(self.notification);
        let was_asked = sent.was_asked;
        let sent = was_asked.then_some(Sent { notification, outcome, at_ms, received_at_ms });
        // Not what a successor had declared unknown, and counted, before this answer.
        let is_new = matches!(&after, Ok(Some(after)) if after.status_since_ms == received_at_ms);
        let landed = recorded(after);
        let is_unknown = landed.is_unknown && is_new;
        Landed { sent, is_unknown, ..landed }
    }

    fn is_too_late(&self) -> bool {
        let terms = std::iter::once(self.term).chain(self.lease.map(|lease| lease.leaves));
        terms.map(|term| term.left(&*self.clock)).any(|left| left.is_zero())
    }

    /// Tells the pacer of the connection. A process that was frozen while that was opened may write
    /// nothing to it any more; then it says so.
    fn way(&self) -> (WayListener, Arc<AtomicBool>) {
        let came_too_late = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&came_too_late);
        let (numbered, lease, clock) = (self.numbered.clone(), self.lease, Arc::clone(&self.clock));
        let listener = move |way| {
            if let Some(numbered) = &numbered {
                numbered.tell(way);
            }
            let holds = || lease.is_none_or(|lease| !lease.holds.left(&*clock).is_zero());
            let may_go_on = way == Way::Connecting || holds();
            told.store(!may_go_on, Ordering::Relaxed);
            may_go_on
        };
        (Arc::new(listener), came_too_late)
    }

    /// Gives the claim back unsent.
    pub(super) async fn put_back(&self) -> Landed {
        self.numbered.iter().for_each(Numbered::unsent);
        let event = Event::PutBack { claim: self.notification.claim, at_ms: self.clock.now_ms() };
        recorded(self.record(&event).await)
    }

    /// Records an event; answers with the notification if that moved it. What cannot be recorded is
    /// found when its deadline passes.
    async fn record(&self, event: &Event) -> Result<Option<Notification>, PortError> {
        let recording = || async {
            match self.apply.apply_to(self.notification.clone(), event).await? {
                Applied::Moved(after) => Ok(Some(*after)),
                Applied::Refused(..) | Applied::Missing => Ok(None),
            }
        };
        persistently(recording).await.inspect_err(|error| {
            tracing::error!(
                notification = %self.notification.id,
                attempt = self.notification.attempt,
                %error,
                "what became of an attempt could not be recorded"
            );
        })
    }
}

/// Does what nobody else can do, and tries again for a while when the store fails.
pub(super) async fn persistently<T, F: Future<Output = Result<T, PortError>>>(
    work: impl Fn() -> F,
) -> Result<T, PortError> {
    for pause_ms in RECORD_PAUSES_MS {
        match work().await {
            Err(PortError::Unavailable { .. }) => {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            settled => return settled,
        }
    }
    work().await
}

/// What the lane has to know of where a message stands. Nothing, of one whose state could not be stored
/// or read: if it stands as claimed the sweeper finds it, and the next drain if it is queued.
pub(super) fn recorded(after: Result<Option<Notification>, PortError>) -> Landed {
    after.ok().flatten().map_or_else(Landed::default, |after| standing(&after))
}

fn standing(after: &Notification) -> Landed {
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
