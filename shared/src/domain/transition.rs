//! Every move of a notification, decided in one function.
//!
//! [`transition`] takes a notification and an event. It returns the notification after the event,
//! and the effects that must follow. It reads no clock, uses no randomness and does no I/O. The
//! matches name every status, so a new status does not compile until every case is decided.

#[cfg(test)]
mod tests;

use super::attempt::{Attempt, Outcome, Response};
use super::delivery_policy::{Confirmation, DeliveryPolicy};
use super::duration::millis;
use super::event::Event;
use super::hours::WindowClass;
use super::notification::Notification;
use super::reason::Reason;
use super::receipt::{Receipt, ReceiptRecord, Verdict};
use super::sequence::StepEnd;
use super::status::Status;

/// A move of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The notification after the move. Its revision is unchanged; the save increases it.
    pub notification: Notification,
    pub effects: Vec<Effect>,
}

/// What has to follow a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Wake the lane: it has work. The wake may be lost, because the sweeper repeats it.
    WakeLane,
    /// Its step of a sequence has ended: release or cancel later steps, in the same transaction.
    EndStep(StepEnd),
    /// Nobody knows whether its step of a sequence was delivered. The sequence says whether to wait
    /// for a receipt that may never come.
    StallStep,
}

/// Why an event moved nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// The event changes nothing any more: it came twice, or after an event that settled more. The
    /// caller can forget it.
    #[error("nothing is left to do")]
    Settled,
    #[error("the notification has left or may have left already")]
    TooLate,
    /// Too early.
    #[error("its time has not come")]
    NotYet,
    /// The event is about an attempt that was never made, or about a claim of another sender.
    #[error("there is no such attempt")]
    NoSuchAttempt,
}

/// Decides every move of a notification. An error says what the caller has to make of the event;
/// nothing has changed then.
pub fn transition(notification: &Notification, event: &Event) -> Result<Transition, Refused> {
    match event {
        Event::Released { at_ms, delay_ms } => released(notification, *at_ms, *delay_ms),
        Event::PredecessorStopped { at_ms } => {
            unblocked_by(notification, Reason::PredecessorStopped, *at_ms)
        }
        Event::NotNeeded { at_ms } => unblocked_by(notification, Reason::NotNeeded, *at_ms),
        Event::Invalid { claim, reason, at_ms } => invalid(notification, *claim, reason, *at_ms),
        Event::DueChecked { at_ms } => due_checked(notification, *at_ms),
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
        Event::DeadlineChecked { at_ms } => deadline_checked(notification, *at_ms),
        Event::SenderLost { fence, at_ms } => sender_lost(notification, *fence, *at_ms),
        Event::CancelRequested { at_ms } => cancel_requested(notification, *at_ms),
        Event::ExpiryChecked { at_ms } => expiry_checked(notification, *at_ms),
        Event::Reclassified { class, at_ms } => reclassified(notification, class, *at_ms),
        Event::ResendRequested { at_ms } => resend_requested(notification, *at_ms),
    }
}

fn released(n: &Notification, at_ms: i64, delay_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Blocked => {
            let ready_at_ms = n.not_before_ms.unwrap_or(at_ms).max(at_ms.saturating_add(delay_ms));
            if ready_at_ms > at_ms {
                Ok(to_deferred(n, ready_at_ms, at_ms))
            } else {
                Ok(to_queued(n, at_ms, at_ms))
            }
        }
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

/// Cancels a step that the end of an earlier step has decided against.
fn unblocked_by(n: &Notification, reason: Reason, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        // No effects: the event that ended the earlier step decides about all later steps itself.
        Status::Blocked => Ok(Transition {
            notification: settled(n, Status::Cancelled, reason, at_ms),
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

fn due_checked(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
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
    holds_unsent_claim(n, claim)?;
    Ok(to_queued_unsent(n, at_ms))
}

/// Whether a sender that is certain that it sent nothing may still decide about its claim.
fn holds_unsent_claim(n: &Notification, claim: u32) -> Result<(), Refused> {
    if claim != n.claim {
        return Err(Refused::NoSuchAttempt);
    }
    match n.status {
        // `Unknown`: a successor or the sweeper declared the claim lost meanwhile.
        Status::Sending | Status::Unknown => Ok(()),
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

fn invalid(
    n: &Notification,
    claim: u32,
    reason: &Reason,
    at_ms: i64,
) -> Result<Transition, Refused> {
    holds_unsent_claim(n, claim)?;
    let mut failed = to_failed(n, reason.clone(), at_ms);
    failed.notification.attempt_unsent = true;
    Ok(failed)
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
        // The notification was claimed again without waiting for this answer.
        return Ok(Transition { notification: noted, effects: vec![] });
    }
    let code = || response.code.clone().unwrap_or_default();
    match noted.status {
        // The outcome is `unknown` already.
        Status::Unknown if response.outcome == Outcome::Uncertain => {
            Ok(Transition { notification: noted, effects: vec![] })
        }
        // `Unknown`: the claim was declared lost while the answer was on its way. The answer
        // counts.
        Status::Sending | Status::Unknown => Ok(match response.outcome {
            Outcome::Accepted => to_accepted(&noted, policy, at_ms),
            Outcome::Rejected => to_failed(&noted, Reason::Rejected(code()), at_ms),
            Outcome::AddressGone => to_failed(&noted, Reason::AddressGone(code()), at_ms),
            // The provider took nothing, and nothing is wrong with the message. It goes back to its
            // place, and the attempt does not count.
            Outcome::Throttled | Outcome::ChannelDown => to_queued_unsent(&noted, at_ms),
            Outcome::Unreachable => to_retry(&noted, policy, jitter_permille, at_ms),
            Outcome::Uncertain if policy.provider_deduplicates => {
                to_retry(&noted, policy, jitter_permille, at_ms)
            }
            Outcome::Uncertain => to_unknown(&noted, Reason::ResponseLost, at_ms),
        }),
        // A receipt or a person was faster. Only the answer's times are kept.
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
        // The outcome of a fallback decides. Without a fallback the first choice was the only one.
        Verdict::PrimaryUndelivered if n.media.fallback.is_some() => Verdict::Inconclusive,
        Verdict::PrimaryUndelivered | Verdict::Undelivered => Verdict::Undelivered,
        Verdict::Delivered => Verdict::Delivered,
        Verdict::Inconclusive => Verdict::Inconclusive,
    };
    let is_latest = attempt == n.attempt;
    let mut noted = with_receipt(n, attempt, at_ms, receipt);
    let only_noted = |noted| Ok(Transition { notification: noted, effects: vec![] });

    match n.status {
        Status::Delivered => match verdict {
            Verdict::Undelivered | Verdict::PrimaryUndelivered if is_latest => {
                // A person has to look at it. The later steps may have left already.
                noted.is_contradicted = true;
                only_noted(noted)
            }
            Verdict::Undelivered
            | Verdict::PrimaryUndelivered
            | Verdict::Inconclusive
            | Verdict::Delivered => Err(Refused::Settled),
        },
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
        // It waited to be sent again, because nothing seemed to have reached the provider. The
        // receipt shows that an attempt did reach it.
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
        // `delivered` overrules every earlier status. Steps that were cancelled meanwhile stay
        // cancelled.
        Status::Failed | Status::Cancelled | Status::Expired => match verdict {
            Verdict::Delivered => Ok(to_delivered(&noted, at_ms)),
            Verdict::Undelivered | Verdict::PrimaryUndelivered | Verdict::Inconclusive => {
                only_noted(noted)
            }
        },
    }
}

fn deadline_checked(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
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
        Status::Blocked => expiry_checked(n, at_ms),
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

fn expiry_checked(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Blocked | Status::Deferred | Status::Queued if !n.is_expired_at(at_ms) => {
            Err(Refused::NotYet)
        }
        // The steps behind a step that was never released must not leave: the step before it may
        // still be under way.
        Status::Blocked => Ok(Transition {
            notification: settled(n, Status::Expired, Reason::Expired, at_ms),
            effects: end_of_step(n, StepEnd::Withdrawn),
        }),
        Status::Deferred | Status::Queued => {
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
        // The hours are determined again when the notification is about to leave.
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
    Notification {
        status,
        status_since_ms: at_ms,
        reason: None,
        is_contradicted: false,
        deadline_ms: None,
        ..n.clone()
    }
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

/// Puts the notification back to its place. Its attempt certainly never reached the provider.
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
        Confirmation::Receipt { .. } => {
            let mut after = moved(n, Status::Accepted, at_ms);
            // The deadline of the claim stays, so that its index entry need not move. A new
            // deadline is set only for the notification's own waiting time, and for a notification
            // that has no deadline because its claim was declared lost.
            after.deadline_ms = match (n.confirm_within_ms, n.deadline_ms) {
                (Some(own_ms), _) => Some(at_ms + own_ms),
                (None, Some(kept_ms)) => Some(kept_ms),
                (None, None) => Some(at_ms + policy.confirmation.within_ms(n.media.first)),
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
    let effects = end_of_step(n, StepEnd::Delivered);
    Transition { notification: moved(n, Status::Delivered, at_ms), effects }
}

/// The notification ends undelivered.
fn stopped(n: &Notification, status: Status, reason: Reason, at_ms: i64) -> Transition {
    let end = if status == Status::Cancelled { StepEnd::Withdrawn } else { StepEnd::Failed };
    let effects = end_of_step(n, end);
    Transition { notification: settled(n, status, reason, at_ms), effects }
}

/// The notification waits for a receipt that may never come. Later steps of its sequence stay
/// blocked, so that a late receipt can still release them, unless the sequence says otherwise.
fn stalled(n: &Notification, status: Status, reason: Reason, at_ms: i64) -> Transition {
    let effects = if is_gate(n) { vec![Effect::StallStep] } else { vec![] };
    Transition { notification: settled(n, status, reason, at_ms), effects }
}

fn end_of_step(n: &Notification, end: StepEnd) -> Vec<Effect> {
    if is_gate(n) { vec![Effect::EndStep(end)] } else { vec![] }
}

fn is_gate(n: &Notification) -> bool {
    n.sequence_step.as_ref().is_some_and(|step| step.is_gate)
}

/// Records the answer on its attempt. A repeated answer is refused as settled.
fn with_response(
    n: &Notification,
    claim: u32,
    response: &Response,
) -> Result<Notification, Refused> {
    let mut noted = n.clone();
    let Some(record) = noted.attempts.iter_mut().find(|record| record.claim == claim) else {
        // The attempt was never made, or is so old that its record was dropped.
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

/// Records the receipt.
fn with_receipt(n: &Notification, attempt: u8, at_ms: i64, receipt: &Receipt) -> Notification {
    let mut noted = n.clone();
    noted.receipts.push(ReceiptRecord {
        attempt,
        received_at_ms: at_ms,
        code: receipt.code.clone(),
        medium: receipt.medium.clone(),
    });
    keep_latest(&mut noted.receipts, Notification::RECEIPTS_KEPT);
    // A fallback that follows gets as long as its own medium needs, unless the message has a
    // waiting time of its own.
    if receipt.verdict == Verdict::PrimaryUndelivered
        && attempt == n.attempt
        && n.confirm_within_ms.is_none()
        && let (Some(fallback), Some(deadline_ms)) = (n.media.fallback, n.deadline_ms)
    {
        let within_ms = millis(fallback.receipt_within_min());
        noted.deadline_ms = Some(deadline_ms.max(at_ms.saturating_add(within_ms)));
    }
    noted
}

fn keep_latest<T>(items: &mut Vec<T>, kept: usize) {
    let excess = items.len().saturating_sub(kept);
    items.drain(..excess);
}
