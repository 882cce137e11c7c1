//! A request has ended, with or without an answer.

use super::moves::{
    Refused, Transition, moved, to_deferred, to_delivered, to_failed, to_queued_unsent, to_unknown,
};
use crate::domain::{
    Confirmation, DeliveryPolicy, Notification, Outcome, Reason, Response, Status,
};

pub(super) fn responded(
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
            // place, and the attempt does not count: an outage uses up no message's retries.
            Outcome::Throttled | Outcome::ChannelDown | Outcome::Unreachable | Outcome::Unsent => {
                to_queued_unsent(&noted, at_ms)
            }
            Outcome::TryAgain => to_retry(&noted, policy, jitter_permille, at_ms),
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
        None => to_failed(&counted, Reason::RetriesExhausted, at_ms),
    }
}
