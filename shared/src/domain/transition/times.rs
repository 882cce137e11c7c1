//! Somebody checks one of the notification's times, or its sending hours.

use super::moves::{
    Refused, Transition, end_of_step, settled, stopped, to_queued, to_unconfirmed, to_unknown,
};
use crate::domain::hold::time_hold;
use crate::domain::sequence::StepEnd;
use crate::domain::{Notification, Reason, Status, WindowClass};

pub(super) fn due_checked(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
    match n.status {
        Status::Deferred if time_hold(n, at_ms).is_some() => Err(Refused::NotYet),
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

pub(super) fn deadline_checked(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
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

pub(super) fn expiry_checked(n: &Notification, at_ms: i64) -> Result<Transition, Refused> {
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

/// The provider cannot take messages.
pub(super) fn outage_checked(
    n: &Notification,
    open_since_ms: i64,
    give_up_after_ms: i64,
    at_ms: i64,
) -> Result<Transition, Refused> {
    match n.status {
        Status::Queued => {
            let gives_up_at_ms = n.gives_up_at_ms(open_since_ms, give_up_after_ms);
            let reason = if n.is_expired_at(at_ms) {
                Reason::Expired
            } else if gives_up_at_ms <= at_ms {
                Reason::ProviderDown
            } else {
                return Err(Refused::NotYet);
            };
            Ok(stopped(n, Status::Expired, reason, at_ms))
        }
        // It waits for something else than the provider.
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

pub(super) fn reclassified(
    n: &Notification,
    class: &WindowClass,
    at_ms: i64,
) -> Result<Transition, Refused> {
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
