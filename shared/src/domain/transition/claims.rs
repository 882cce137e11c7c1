//! A sender claims the notification, gives the claim up without a request, or disappears with it.

use super::moves::{
    Refused, Transition, keep_latest, moved, to_failed, to_queued_unsent, to_unknown,
};
use crate::domain::{Attempt, Notification, Reason, Status};

pub(super) fn claimed(
    n: &Notification,
    at_ms: i64,
    fence: u64,
    confirm_within_ms: i64,
) -> Result<Transition, Refused> {
    match n.status {
        Status::Queued if n.is_expired_at(at_ms) => Err(Refused::TooLate),
        Status::Queued => {
            let Some(number) = n.next_attempt() else {
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
                inquiries: 0,
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

pub(super) fn put_back(n: &Notification, claim: u32, at_ms: i64) -> Result<Transition, Refused> {
    holds_unsent_claim(n, claim)?;
    Ok(to_queued_unsent(n, at_ms))
}

pub(super) fn invalid(
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

pub(super) fn sender_lost(n: &Notification, fence: u64, at_ms: i64) -> Result<Transition, Refused> {
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
