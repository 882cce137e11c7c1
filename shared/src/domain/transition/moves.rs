//! The moves themselves: the status that a notification gets, and the effects that follow.

use crate::domain::sequence::StepEnd;
use crate::domain::{Notification, Reason, Status, Undecided};

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
    /// Its step of a sequence is under way again: later steps wait again that the step's end had
    /// cancelled or released, in the same transaction. The step before it must have ended as the step
    /// asks.
    ReopenStep,
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
    /// A person's decision does not count.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

/// The same notification in another status.
pub(super) fn moved(n: &Notification, status: Status, at_ms: i64) -> Notification {
    Notification {
        status,
        status_since_ms: at_ms,
        reason: None,
        is_contradicted: false,
        is_settled: false,
        deadline_ms: None,
        ..n.clone()
    }
}

/// The same notification in a status that needs a reason.
pub(super) fn settled(
    n: &Notification,
    status: Status,
    reason: Reason,
    at_ms: i64,
) -> Notification {
    Notification { reason: Some(reason), ..moved(n, status, at_ms) }
}

pub(super) fn to_queued(n: &Notification, ready_at_ms: i64, at_ms: i64) -> Transition {
    let mut after = moved(n, Status::Queued, at_ms);
    after.ready_at_ms = ready_at_ms;
    Transition { notification: after, effects: vec![Effect::WakeLane] }
}

/// Puts the notification back to its place. Its attempt certainly never reached the provider.
pub(super) fn to_queued_unsent(n: &Notification, at_ms: i64) -> Transition {
    let mut back = to_queued(n, n.ready_at_ms, at_ms);
    back.notification.attempt_unsent = true;
    back
}

pub(super) fn to_deferred(n: &Notification, ready_at_ms: i64, at_ms: i64) -> Transition {
    let mut after = moved(n, Status::Deferred, at_ms);
    after.ready_at_ms = ready_at_ms;
    Transition { notification: after, effects: vec![] }
}

pub(super) fn to_unknown(n: &Notification, reason: Reason, at_ms: i64) -> Transition {
    stalled(n, Status::Unknown, reason, at_ms)
}

pub(super) fn to_unconfirmed(n: &Notification, reason: Reason, at_ms: i64) -> Transition {
    stalled(n, Status::Unconfirmed, reason, at_ms)
}

pub(super) fn to_failed(n: &Notification, reason: Reason, at_ms: i64) -> Transition {
    stopped(n, Status::Failed, reason, at_ms)
}

pub(super) fn to_delivered(n: &Notification, at_ms: i64) -> Transition {
    let effects = end_of_step(n, StepEnd::Delivered);
    Transition { notification: moved(n, Status::Delivered, at_ms), effects }
}

/// The notification ends undelivered.
pub(super) fn stopped(n: &Notification, status: Status, reason: Reason, at_ms: i64) -> Transition {
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

pub(super) fn end_of_step(n: &Notification, end: StepEnd) -> Vec<Effect> {
    if is_gate(n) { vec![Effect::EndStep(end)] } else { vec![] }
}

fn is_gate(n: &Notification) -> bool {
    n.sequence_step.as_ref().is_some_and(|step| step.is_gate)
}

pub(super) fn keep_latest<T>(items: &mut Vec<T>, kept: usize) {
    let excess = items.len().saturating_sub(kept);
    items.drain(..excess);
}
