//! The step that a blocked message waits for.

use std::borrow::Cow;

use crate::domain::hold::Predecessor;
use crate::domain::sequence::Step;
use crate::domain::{Notification, NotificationId, Sequence, SequenceStep, Status};
use crate::ports::{Notifications, PortError};

/// The gate of the step whose end decides about the blocked step at `place`: the last step before it
/// that has left its place. `None` when that gate's record is not stored any more. The notifications
/// that are `shown` need not be read again.
pub(super) async fn predecessor(
    notifications: &dyn Notifications,
    sequence: &Sequence,
    place: &SequenceStep,
    shown: &[Notification],
) -> Result<Option<Predecessor>, PortError> {
    let before = sequence.steps.iter().take(usize::from(place.step)).rev();
    for gate in before.filter_map(Step::gate) {
        let Some(gate) = find(notifications, gate, shown).await? else { return Ok(None) };
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
    shown: &'a [Notification],
) -> Result<Option<Cow<'a, Notification>>, PortError> {
    match shown.iter().find(|shown| shown.id == *id) {
        Some(shown) => Ok(Some(Cow::Borrowed(shown))),
        None => Ok(notifications.load(id).await?.map(Cow::Owned)),
    }
}
