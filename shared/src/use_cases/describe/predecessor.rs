//! The step that a blocked message waits for.

use std::borrow::Cow;

use super::known::Known;
use crate::domain::hold::Predecessor;
use crate::domain::sequence::Step;
use crate::domain::{Notification, NotificationId, Sequence, SequenceStep, Status};
use crate::ports::{Notifications, PortError};

/// The gate of the step whose end decides about the blocked step at `place`: the last step before it
/// that has left its place. `None` when that gate's record is not stored any more. The notifications
/// that are `known` need not be read again.
pub(super) async fn predecessor(
    notifications: &dyn Notifications,
    sequence: &Sequence,
    place: &SequenceStep,
    known: &Known<'_>,
) -> Result<Option<Predecessor>, PortError> {
    let before = sequence.steps.iter().take(usize::from(place.step)).rev();
    for gate in before.filter_map(Step::gate) {
        let Some(gate) = find(notifications, gate, known).await? else { return Ok(None) };
        match gate.status {
            // It waits itself, or passes the end of the step before it on.
            Status::Blocked | Status::Cancelled => {}
            Status::Deferred
            | Status::Queued
            | Status::Sending
            | Status::Accepted
            | Status::Unknown
            | Status::Unconfirmed
            | Status::Failed
            | Status::Expired
            | Status::Delivered => return Ok(Predecessor::of(&gate)),
        }
    }
    Ok(None)
}

async fn find<'a>(
    notifications: &dyn Notifications,
    id: &NotificationId,
    known: &'a Known<'_>,
) -> Result<Option<Cow<'a, Notification>>, PortError> {
    match known.find(id) {
        Some(known) => Ok(Some(Cow::Borrowed(known))),
        None => Ok(notifications.load(id).await?.map(Cow::Owned)),
    }
}
