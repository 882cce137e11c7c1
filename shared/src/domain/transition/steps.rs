//! An earlier step of the notification's sequence has ended.

use super::moves::{Refused, Transition, settled, to_deferred, to_queued};
use crate::domain::{Notification, Reason, Status};

pub(super) fn released(n: &Notification, at_ms: i64, delay_ms: i64) -> Result<Transition, Refused> {
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
pub(super) fn unblocked_by(
    n: &Notification,
    reason: Reason,
    at_ms: i64,
) -> Result<Transition, Refused> {
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
