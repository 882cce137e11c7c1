//! Every move of a notification, decided in one function.
//!
//! [`transition`] takes what is known and what happened and answers with the notification as it is
//! now, and with what has to follow. It reads no clock, throws no dice and touches nothing. The
//! matches name every status, so that a new one does not compile until each case is decided.

use super::channel::{Confirmation, DeliveryPolicy};
use super::hours::WindowClass;
use super::notification::{Attempt, Notification, Outcome, Reason, ReceiptRecord, Status};

/// Something that happened to a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The previous step of its sequence was delivered.
    Released {
        /// When.
        at_ms: i64,
    },
    /// An earlier step of its sequence stopped.
    PredecessorStopped {
        /// When.
        at_ms: i64,
    },
    /// The time that it waited for may have come.
    CameDue {
        /// Now.
        at_ms: i64,
    },
    /// A sender takes it in order to send it.
    Claimed {
        /// When.
        at_ms: i64,
        /// The fencing number of the sender's lease.
        fence: u64,
        /// How long to wait for word, in milliseconds.
        confirm_within_ms: i64,
    },
    /// The sender that claimed it gives it back and certifies that it sent nothing.
    PutBack {
        /// The claim.
        claim: u32,
        /// When.
        at_ms: i64,
    },
    /// The provider answered, or did not, and the sender knows what that means.
    Responded {
        /// The claim.
        claim: u32,
        /// What the sender saw.
        response: Response,
        /// What decides the rest.
        policy: DeliveryPolicy,
        /// A throw of the dice for the retry's back-off, 0 to 1000.
        jitter_permille: u16,
    },
    /// The provider's word on delivery.
    ReceiptArrived {
        /// The attempt that it speaks of.
        attempt: u8,
        /// When it was received.
        at_ms: i64,
        /// What it says.
        receipt: Receipt,
    },
    /// The time by which there had to be word may have come.
    DeadlinePassed {
        /// Now.
        at_ms: i64,
    },
    /// The sender that may have claimed it is gone: its lease ran out and a successor has it.
    SenderLost {
        /// The successor's fencing number: only claims under a lower one are lost.
        fence: u64,
        /// When.
        at_ms: i64,
    },
    /// Its producer or an operator withdraws it.
    CancelRequested {
        /// When.
        at_ms: i64,
    },
    /// A sender found at departure that it may have expired.
    Expired {
        /// Now.
        at_ms: i64,
    },
    /// The hours at which it may leave are others than was thought.
    Reclassified {
        /// Its window class now.
        class: WindowClass,
        /// When that was found.
        at_ms: i64,
    },
    /// An operator decides to send it again, whatever became of it.
    ResendRequested {
        /// When.
        at_ms: i64,
    },
}

/// What a sender saw of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// When the request was about to be written.
    pub sent_at_ms: i64,
    /// When the answer was there, or its time-out passed.
    pub received_at_ms: i64,
    /// What it means.
    pub outcome: Outcome,
    /// The provider's code, if it gave one.
    pub code: Option<String>,
    /// The provider's key of the message, if it gave one.
    pub provider_message_id: Option<String>,
}

/// A provider's word on delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What it says.
    pub verdict: Verdict,
    /// The provider's code.
    pub code: String,
    /// The medium that was used, in the provider's word.
    pub medium: Option<String>,
}

/// What a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It arrived, by whichever medium.
    Delivered,
    /// The first choice did not arrive. Where a fallback was asked for, it may still.
    PrimaryUndelivered,
    /// Nothing arrived, and nothing more will be tried.
    Undelivered,
    /// The provider does not know.
    Inconclusive,
}

/// A move: the notification as it is now, and what has to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// After the move; its revision is still the one before.
    pub notification: Notification,
    /// What follows.
    pub effects: Vec<Effect>,
}

/// What has to follow a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Its lane has work. A hint: the sweeper repeats it.
    WakeLane,
    /// The next step may go. Part of the same transaction.
    ReleaseNext,
    /// No later step may go. Part of the same transaction.
    CancelRest,
    /// Somebody has to be told that its sequence goes no further.
    ReportStop,
    /// Somebody has to be told that its sequence waits for word that may never come.
    ReportStall,
}

/// Nothing moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// The event changes nothing any more: it came twice, or after something that settles more.
    /// Whoever brought it can forget it.
    #[error("nothing is left to do")]
    Settled,
    /// Too late: the notification has left, or may have.
    #[error("the notification has left or may have left already")]
    TooLate,
    /// Too early: its time has not come.
    #[error("its time has not come")]
    NotYet,
    /// It speaks of an attempt that was never made, or of a claim that somebody else holds.
    #[error("there is no such attempt")]
    NoSuchAttempt,
}

/// Decides every move of a notification.
///
/// # Errors
/// [`Refused`], with what the caller should make of it; nothing has changed then.
pub fn transition(notification: &Notification, event: &Event) -> Result<Transition, Refused> {
    match event {
        Event::Released { at_ms } => released(notification, *at_ms),
        Event::PredecessorStopped { at_ms } => predecessor_stopped(notification, *at_ms),
        Event::CameDue { at_ms } => came_due(notification, *at_ms),
        Event::Claimed { at_ms, fence, confirm_within_ms } => {
            claimed(notification, *at_ms, *fence, *confirm_within_ms)
        }
        Event::PutBack { claim, at_ms } => put_back(notification, *claim, *at_ms),
        Event::Responded { claim, response, policy, jitter_permille } => {
            responded(notification, *claim, response, policy, *jitter_permille)
        }
        Event::ReceiptArrived { attempt, at_ms, receipt } => {
            receipt_arrived(notification, *attempt, *at_ms, receipt)
        }
        Event::DeadlinePassed { at_ms } => deadline_passed(notification, *at_ms),
        Event::SenderLost { fence, at_ms } => sender_lost(notification, *fence, *at_ms),
        Event::CancelRequested { at_ms } => cancel_requested(notification, *at_ms),
        Event::Expired { at_ms } => expired(notification, *at_ms),
        Event::Reclassified { class, at_ms } => reclassified(notification, class, *at_ms),
        Event::ResendRequested { at_ms } => resend_requested(notification, *at_ms),
    }
}

fn released(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Blocked => match n.not_before_ms {
            Some(not_before_ms) if not_before_ms > at_ms => {
                Ok(to_deferred(n, not_before_ms, at_ms))
            }
            _ => Ok(to_queued(n, at_ms, at_ms)),
        },
        Status::Deferred
        | Status::Queued
        | Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
}

fn predecessor_stopped(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        // No effects: whatever stopped the predecessor cancels all later steps itself.
        Status::Blocked => Ok(Transition {
            notification: settled(n, Status::Cancelled, Reason::PredecessorStopped, at_ms),
            effects: vec![],
        }),
        Status::Deferred
        | Status::Queued
        | Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
}

fn came_due(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Deferred if at_ms < n.ready_at_ms => Err(Refused::NotYet),
        Status::Deferred => Ok(to_queued(n, n.ready_at_ms, at_ms)),
        Status::Blocked => Err(Refused::NotYet),
        Status::Queued
        | Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
}

fn claimed(
    n: &Notification,
    at_ms: i64,
    fence: u64,
    confirm_within_ms: i64,
) -> Result<Transition, Refused> {
    match n.status {
        Status::Queued if n.is_expired_at(at_ms) => Err(Refused::TooLate),
        Status::Queued => {
            let number = if n.attempt_unsent { Some(n.attempt) } else { n.attempt.checked_add(1) };
            let Some(number) = number else {
                return Ok(to_failed(n, Reason::AttemptsExhausted, at_ms));
            };
            let mut after = moved(n, Status::Sending, at_ms);
            after.claim += 1;
            after.attempt = number;
            after.attempt_unsent = false;
            after.attempts.retain(|record| record.number != number);
            after.deadline_ms = Some(at_ms + confirm_within_ms);
            after.attempts.push(Attempt {
                number,
                claim: after.claim,
                fence,
                claimed_at_ms: at_ms,
                request_sent_at_ms: None,
                response_received_at_ms: None,
                outcome: None,
                code: None,
                provider_message_id: None,
            });
            keep_latest(&mut after.attempts, Notification::ATTEMPTS_KEPT);
            Ok(Transition { notification: after, effects: vec![] })
        }
        Status::Blocked | Status::Deferred => Err(Refused::NotYet),
        Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
}

fn put_back(n: &Notification, claim: u32, at_ms: i64) -> Result<Transition, Refused> {
    if claim != n.claim {
        return Err(Refused::NoSuchAttempt);
    }
    match n.status {
        // `Unknown`: a successor or the sweeper took it for lost meanwhile. The claim's holder
        // knows better: it was never sent.
        Status::Sending | Status::Unknown => Ok(to_queued_unsent(n, at_ms)),
        Status::Blocked
        | Status::Deferred
        | Status::Queued
        | Status::Accepted
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
}

fn responded(
    n: &Notification,
    claim: u32,
    response: &Response,
    policy: &DeliveryPolicy,
    jitter_permille: u16,
) -> Result<Transition, Refused> {
    let at_ms = response.received_at_ms;
    let noted = with_response(n, claim, response)?;
    if claim != n.claim {
        // Somebody decided to go on without this answer.
        return Ok(Transition { notification: noted, effects: vec![] });
    }
    let code = || response.code.clone().unwrap_or_default();
    match noted.status {
        // It is known already that nobody knows.
        Status::Unknown if response.outcome == Outcome::Uncertain => {
            Ok(Transition { notification: noted, effects: vec![] })
        }
        // `Unknown`: declared lost while the answer was under way. The answer knows better.
        Status::Sending | Status::Unknown => Ok(match response.outcome {
            Outcome::Accepted => to_accepted(&noted, policy, at_ms),
            Outcome::Rejected => to_failed(&noted, Reason::Rejected(code()), at_ms),
            // Nothing landed, and nothing is wrong with the message: back to its place, uncounted.
            Outcome::Throttled | Outcome::ChannelDown => to_queued_unsent(&noted, at_ms),
            Outcome::Unreachable => to_retry(&noted, policy, jitter_permille, at_ms),
            Outcome::Uncertain if policy.provider_deduplicates => {
                to_retry(&noted, policy, jitter_permille, at_ms)
            }
            Outcome::Uncertain => to_unknown(&noted, Reason::ResponseLost, at_ms),
        }),
        // A receipt was quicker, or a person was: the times are worth keeping, the rest stands.
        Status::Accepted
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered
        | Status::Blocked
        | Status::Deferred
        | Status::Queued => Ok(Transition { notification: noted, effects: vec![] }),
    }
}

fn receipt_arrived(
    n: &Notification,
    attempt: u8,
    at_ms: i64,
    receipt: &Receipt,
) -> Result<Transition, Refused> {
    if attempt == 0 || attempt > n.attempt {
        return Err(Refused::NoSuchAttempt);
    }
    let known = n
        .receipts
        .iter()
        .any(|r| r.attempt == attempt && r.code == receipt.code && r.medium == receipt.medium);
    if known {
        return Err(Refused::Settled);
    }
    let verdict = match receipt.verdict {
        // A fallback that was asked for decides; without one the first choice was the only one.
        Verdict::PrimaryUndelivered if n.message.fallback.is_some() => Verdict::Inconclusive,
        Verdict::PrimaryUndelivered | Verdict::Undelivered => Verdict::Undelivered,
        Verdict::Delivered => Verdict::Delivered,
        Verdict::Inconclusive => Verdict::Inconclusive,
    };
    let mut noted = n.clone();
    noted.receipts.push(ReceiptRecord {
        attempt,
        received_at_ms: at_ms,
        code: receipt.code.clone(),
        medium: receipt.medium.clone(),
    });
    keep_latest(&mut noted.receipts, Notification::RECEIPTS_KEPT);
    let is_latest = attempt == n.attempt;
    let only_noted = |noted| Ok(Transition { notification: noted, effects: vec![] });

    match n.status {
        Status::Delivered => Err(Refused::Settled),
        // Attempt 0 was refused above.
        Status::Blocked => Err(Refused::NoSuchAttempt),
        Status::Sending | Status::Accepted | Status::Unknown | Status::Unconfirmed => match verdict
        {
            Verdict::Delivered => Ok(to_delivered(&noted, at_ms)),
            Verdict::Undelivered | Verdict::PrimaryUndelivered if is_latest => {
                Ok(to_failed(&noted, Reason::Undelivered(receipt.code.clone()), at_ms))
            }
            Verdict::Undelivered | Verdict::PrimaryUndelivered | Verdict::Inconclusive => {
                only_noted(noted)
            }
        },
        // It was to be sent again, since nothing seemed to have landed. It did land.
        Status::Deferred | Status::Queued => match verdict {
            Verdict::Delivered => Ok(to_delivered(&noted, at_ms)),
            Verdict::Undelivered | Verdict::PrimaryUndelivered if is_latest => {
                Ok(to_failed(&noted, Reason::Undelivered(receipt.code.clone()), at_ms))
            }
            Verdict::Inconclusive if is_latest => {
                Ok(to_unconfirmed(&noted, Reason::Inconclusive(receipt.code.clone()), at_ms))
            }
            Verdict::Undelivered | Verdict::PrimaryUndelivered | Verdict::Inconclusive => {
                only_noted(noted)
            }
        },
        // Delivered is the last word, whatever was believed before. Steps that were cancelled
        // meanwhile stay cancelled.
        Status::Failed | Status::Cancelled | Status::Expired => match verdict {
            Verdict::Delivered => Ok(to_delivered(&noted, at_ms)),
            Verdict::Undelivered | Verdict::PrimaryUndelivered | Verdict::Inconclusive => {
                only_noted(noted)
            }
        },
    }
}

fn deadline_passed(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Sending | Status::Accepted if n.deadline_ms.is_some_and(|at| at > at_ms) => {
            Err(Refused::NotYet)
        }
        Status::Sending => Ok(to_unknown(n, Reason::SenderLost, at_ms)),
        Status::Accepted => {
            let reason = n
                .receipts
                .iter()
                .rev()
                .find(|receipt| receipt.attempt == n.attempt)
                .map_or(Reason::NoReceipt, |last| Reason::Inconclusive(last.code.clone()));
            Ok(to_unconfirmed(n, reason, at_ms))
        }
        Status::Blocked => expired(n, at_ms),
        Status::Deferred
        | Status::Queued
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
}

fn sender_lost(n: &Notification, fence: u64, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Sending => {
            let claimed_under = n.attempt_record(n.attempt).map_or(0, |attempt| attempt.fence);
            if claimed_under < fence {
                Ok(to_unknown(n, Reason::SenderLost, at_ms))
            } else {
                Err(Refused::NoSuchAttempt)
            }
        }
        Status::Blocked
        | Status::Deferred
        | Status::Queued
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
}

fn cancel_requested(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Blocked | Status::Deferred | Status::Queued => {
            Ok(stopped(n, Status::Cancelled, Reason::Requested, at_ms))
        }
        Status::Cancelled => Err(Refused::Settled),
        Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Expired
        | Status::Delivered => Err(Refused::TooLate),
    }
}

fn expired(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Blocked | Status::Deferred | Status::Queued if !n.is_expired_at(at_ms) => {
            Err(Refused::NotYet)
        }
        Status::Blocked | Status::Deferred | Status::Queued => {
            Ok(stopped(n, Status::Expired, Reason::Expired, at_ms))
        }
        Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
}

fn reclassified(n: &Notification, class: &WindowClass, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Queued if n.window_class == *class => Err(Refused::Settled),
        // It keeps its place among those of its new class.
        Status::Queued => {
            let mut after = to_queued(n, n.ready_at_ms, at_ms);
            after.notification.window_class = class.clone();
            Ok(after)
        }
        // They are asked again when they are about to leave.
        Status::Blocked | Status::Deferred => Err(Refused::NotYet),
        Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
}

fn resend_requested(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Failed | Status::Unknown | Status::Unconfirmed | Status::Expired => {
            let mut after = to_queued(n, at_ms, at_ms);
            after.notification.failures = 0;
            // An operator's decision to send now outranks the producer's expiry.
            after.notification.expires_at_ms = None;
            Ok(after)
        }
        Status::Blocked | Status::Deferred | Status::Queued => Err(Refused::NotYet),
        Status::Sending | Status::Accepted | Status::Cancelled | Status::Delivered => {
            Err(Refused::TooLate)
        }
    }
}

/// The same notification in another status.
fn moved(n: &Notification, status: Status, at_ms: i64) -> Notification {
    Notification { status, status_since_ms: at_ms, reason: None, deadline_ms: None, ..n.clone() }
}

/// The same notification in a status that needs a reason.
fn settled(n: &Notification, status: Status, reason: Reason, at_ms: i64) -> Notification {
    Notification { reason: Some(reason), ..moved(n, status, at_ms) }
}

fn to_queued(n: &Notification, ready_at_ms: i64, at_ms: i64) -> Transition {
    let mut after = moved(n, Status::Queued, at_ms);
    after.ready_at_ms = ready_at_ms;
    Transition { notification: after, effects: vec![Effect::WakeLane] }
}

/// Back to its place, with an attempt that certainly never reached the provider.
fn to_queued_unsent(n: &Notification, at_ms: i64) -> Transition {
    let mut back = to_queued(n, n.ready_at_ms, at_ms);
    back.notification.attempt_unsent = true;
    back
}

fn to_deferred(n: &Notification, ready_at_ms: i64, at_ms: i64) -> Transition {
    let mut after = moved(n, Status::Deferred, at_ms);
    after.ready_at_ms = ready_at_ms;
    Transition { notification: after, effects: vec![] }
}

fn to_accepted(n: &Notification, policy: &DeliveryPolicy, at_ms: i64) -> Transition {
    match policy.confirmation {
        Confirmation::Acceptance => to_delivered(n, at_ms),
        Confirmation::Receipt { within } => {
            let mut after = moved(n, Status::Accepted, at_ms);
            // The deadline was written at the claim and stays, so that its index entry need not
            // move. Only an own waiting time is counted anew, as is one that had been given up.
            after.deadline_ms = match (n.confirm_within_ms, n.deadline_ms) {
                (Some(own_ms), _) => Some(at_ms + own_ms),
                (None, Some(kept_ms)) => Some(kept_ms),
                (None, None) => Some(at_ms + super::channel::millis(within)),
            };
            Transition { notification: after, effects: vec![] }
        }
    }
}

fn to_retry(
    n: &Notification,
    policy: &DeliveryPolicy,
    jitter_permille: u16,
    at_ms: i64,
) -> Transition {
    let failures = n.failures.saturating_add(1);
    let counted = Notification { failures, ..n.clone() };
    match policy.retry_wait_ms(failures, jitter_permille) {
        Some(wait_ms) => to_deferred(&counted, at_ms + wait_ms, at_ms),
        None if policy.provider_deduplicates
            && n.attempts.iter().any(|a| a.outcome == Some(Outcome::Uncertain)) =>
        {
            to_unknown(&counted, Reason::ResponseLost, at_ms)
        }
        None => to_failed(&counted, Reason::Unreachable, at_ms),
    }
}

fn to_unknown(n: &Notification, reason: Reason, at_ms: i64) -> Transition {
    stalled(n, Status::Unknown, reason, at_ms)
}

fn to_unconfirmed(n: &Notification, reason: Reason, at_ms: i64) -> Transition {
    stalled(n, Status::Unconfirmed, reason, at_ms)
}

fn to_failed(n: &Notification, reason: Reason, at_ms: i64) -> Transition {
    stopped(n, Status::Failed, reason, at_ms)
}

fn to_delivered(n: &Notification, at_ms: i64) -> Transition {
    let effects = match n.place.as_ref().and_then(super::SequencePlace::next) {
        Some(_) => vec![Effect::ReleaseNext],
        None => vec![],
    };
    Transition { notification: moved(n, Status::Delivered, at_ms), effects }
}

/// It ends undelivered, and its sequence with it.
fn stopped(n: &Notification, status: Status, reason: Reason, at_ms: i64) -> Transition {
    let effects = match &n.place {
        Some(place) if place.next().is_some() => vec![Effect::CancelRest, Effect::ReportStop],
        Some(_) => vec![Effect::ReportStop],
        None => vec![],
    };
    Transition { notification: settled(n, status, reason, at_ms), effects }
}

/// It waits for word that may never come. Its sequence waits with it: later steps stay blocked, so
/// that a late receipt can still release them.
fn stalled(n: &Notification, status: Status, reason: Reason, at_ms: i64) -> Transition {
    let effects = if n.place.is_some() { vec![Effect::ReportStall] } else { vec![] };
    Transition { notification: settled(n, status, reason, at_ms), effects }
}

/// Notes the answer on its attempt. An answer that is there already is noted once.
fn with_response(
    n: &Notification,
    claim: u32,
    response: &Response,
) -> Result<Notification, Refused> {
    let mut noted = n.clone();
    let Some(record) = noted.attempts.iter_mut().find(|record| record.claim == claim) else {
        // Never made, or so old that its record was dropped.
        return Err(Refused::NoSuchAttempt);
    };
    if record.outcome.is_some() {
        return Err(Refused::Settled);
    }
    record.request_sent_at_ms = Some(response.sent_at_ms);
    record.response_received_at_ms = Some(response.received_at_ms);
    record.outcome = Some(response.outcome);
    record.code.clone_from(&response.code);
    record.provider_message_id.clone_from(&response.provider_message_id);
    Ok(noted)
}

fn keep_latest<T>(items: &mut Vec<T>, kept: usize) {
    let excess = items.len().saturating_sub(kept);
    items.drain(..excess);
}
