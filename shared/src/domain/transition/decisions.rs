//! A person decides.

use super::moves::{Refused, Transition, stopped, to_queued};
use crate::domain::{Notification, Reason, Status};

pub(super) fn cancel_requested(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
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

pub(super) fn resend_requested(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
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
