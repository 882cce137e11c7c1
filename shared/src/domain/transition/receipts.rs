//! A receipt has come, or is asked for.

use super::moves::{Refused, Transition, keep_latest, to_delivered, to_failed, to_unconfirmed};
use crate::domain::duration::millis;
use crate::domain::inquiry::inquiry_due_at_ms;
use crate::domain::{Notification, Reason, Receipt, ReceiptRecord, Status, Verdict};

pub(super) fn receipt_arrived(
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
    let is_latest = attempt >= n.latest_recorded_attempt();
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

/// The question is recorded before it is asked, so a sender that dies in between cannot ask for ever.
pub(super) fn asked(n: &Notification, attempt: u8, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Accepted if attempt != n.attempt => Err(Refused::NoSuchAttempt),
        Status::Accepted => match inquiry_due_at_ms(n) {
            None => Err(Refused::Settled),
            Some(due_ms) if due_ms > at_ms => Err(Refused::NotYet),
            Some(_) => {
                let mut asked = n.clone();
                for record in asked.attempts.iter_mut().filter(|record| record.number == attempt) {
                    record.inquiries += 1;
                }
                Ok(Transition { notification: asked, effects: vec![] })
            }
        },
        Status::Blocked
        | Status::Deferred
        | Status::Queued
        | Status::Sending
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => Err(Refused::Settled),
    }
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
