//! The notifications table was restored to an earlier time.

use super::moves::{Refused, Transition, settled};
use crate::domain::{LostPeriod, Notification, Reason, Status, WindowClass};

/// More claims than one message can have had in the lost period. The next claim takes a number that
/// no sender has used for another one.
const CLAIMS_SKIPPED: u32 = 1 << 16;

pub(super) fn restored(
    n: &Notification,
    lost: LostPeriod,
    hours: &WindowClass,
    released_from_ms: i64,
    at_ms: i64,
) -> Result<Transition, Refused> {
    if !lost.began_after(n.created_at_ms) {
        // It was stored in the restored table, which knows all of it.
        return Err(Refused::Settled);
    }
    match n.status {
        Status::Sending | Status::Accepted if lost.began_after(n.status_since_ms) => {
            Ok(forgotten(n, at_ms))
        }
        Status::Blocked | Status::Deferred | Status::Queued
            if lost.may_hold_departure(n, hours, released_from_ms) =>
        {
            Ok(forgotten(n, at_ms))
        }
        // It certainly has not left.
        Status::Blocked | Status::Deferred | Status::Queued => Err(Refused::NotYet),
        // `Sending`, `Accepted`: it left after the restoration.
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

/// Nobody knows what became of the notification in the lost period. The later steps of its sequence
/// have no event here: each of them is asked about its own departure.
fn forgotten(n: &Notification, at_ms: i64) -> Transition {
    let mut after = settled(n, Status::Unknown, Reason::Restored, at_ms);
    // Attempts may have been made that are not on record. Half of the numbers that are left count as
    // used, so their receipts are for this notification, and no later attempt has the reference key
    // of one of them.
    after.attempt += (u8::MAX - n.attempt).div_ceil(2);
    after.attempt_unsent = false;
    after.claim = n.claim.saturating_add(CLAIMS_SKIPPED);
    Transition { notification: after, effects: vec![] }
}
