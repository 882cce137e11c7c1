//! A step of a sequence is sent again: the later steps that its end had cancelled or released wait for
//! it as before.

#[cfg(test)]
mod tests;

use super::rows::{load, moves};
use crate::domain::sequence::{After, OnUnconfirmed, Sequence, Step, StepBefore, StepEnd};
use crate::domain::{
    Effect, Event, Notification, NotificationId, Reason, SequenceStep, Status, Transition,
    Undecided, transition,
};
use crate::ports::{Notifications, PortError, Sequences};

/// What belongs in the transaction of a step that is sent again.
#[derive(Debug, Default)]
pub(super) struct Reopened {
    pub(super) moves: Vec<Transition>,
    /// Notifications that must not change meanwhile, because the decision depends on them.
    pub(super) unchanged: Vec<Notification>,
    /// A fallback has left in place of the step, so the person may get both messages.
    pub(super) fallback_left: bool,
}

/// The moves of other notifications that a resend brings about, or why it may not take place.
pub(super) async fn reopened(
    notifications: &dyn Notifications,
    sequences: &dyn Sequences,
    moved: &Transition,
) -> Result<Result<Reopened, Undecided>, PortError> {
    let place = match &moved.notification.sequence_step {
        Some(place) if moved.effects.contains(&Effect::ReopenStep) => place,
        Some(_) | None => return Ok(Ok(Reopened::default())),
    };
    let Some(sequence) = sequences.sequence(&place.sequence).await? else {
        tracing::error!(
            sequence = %place.sequence,
            notification = %moved.notification.id,
            "the sequence is missing: only the notification itself is sent again"
        );
        return Ok(Ok(Reopened::default()));
    };
    let Ok(unchanged) = before(notifications, &sequence, place).await? else {
        return Ok(Err(Undecided::StepBefore));
    };
    let at_ms = moved.notification.status_since_ms;
    let mut found = Reopened { unchanged, ..Reopened::default() };
    if place.is_gate {
        let own = sequence.steps.get(usize::from(place.step));
        found.moves.extend(left_behind(notifications, own, at_ms).await?);
        for step in sequence.steps.iter().skip(usize::from(place.step) + 1) {
            let members = load(notifications, &step.notifications).await?;
            found.fallback_left |=
                step.after == After::Failed && members.iter().any(may_reach_recipient);
            if !waits_for_the_step_before(step, &members, at_ms) {
                break;
            }
            found.moves.extend(moves(&members, &Event::Reinstated { at_ms }));
        }
    }
    Ok(Ok(found))
}

/// Checks that the steps before have ended as the step asks. Returns the gate that decided it, if it is
/// still stored.
async fn before(
    notifications: &dyn Notifications,
    sequence: &Sequence,
    place: &SequenceStep,
) -> Result<Result<Vec<Notification>, Undecided>, PortError> {
    let number = usize::from(place.step);
    let Some(step) = sequence.steps.get(number) else { return Ok(Ok(vec![])) };
    for earlier in sequence.steps.iter().take(number).rev() {
        let Some(id) = earlier.gate() else { continue };
        // It had ended before its retention was over.
        let Some(gate) = notifications.load(id).await? else { return Ok(Ok(vec![])) };
        match end_of(&gate, sequence.on_unconfirmed) {
            StepBefore::PassedOver => {}
            StepBefore::Ended(end) if sequence.releases(step, end) => return Ok(Ok(vec![gate])),
            StepBefore::Ended(_) | StepBefore::Open => return Ok(Err(Undecided::StepBefore)),
        }
    }
    Ok(Ok(vec![]))
}

/// How the step of this gate has ended.
fn end_of(gate: &Notification, on_unconfirmed: OnUnconfirmed) -> StepBefore {
    match gate.status {
        Status::Delivered => StepBefore::Ended(StepEnd::Delivered),
        Status::Failed | Status::Expired => StepBefore::Ended(StepEnd::Failed),
        Status::Unconfirmed => match on_unconfirmed {
            OnUnconfirmed::Continue => StepBefore::Ended(StepEnd::Delivered),
            OnUnconfirmed::Wait => StepBefore::Open,
        },
        Status::Cancelled => match gate.reason {
            Some(Reason::PredecessorStopped | Reason::NotNeeded) => StepBefore::PassedOver,
            Some(_) | None => StepBefore::Ended(StepEnd::Withdrawn),
        },
        Status::Blocked
        | Status::Deferred
        | Status::Queued
        | Status::Sending
        | Status::Accepted
        | Status::Unknown => StepBefore::Open,
    }
}

/// Whether the gate of a later step waits, or can wait again. If it has left, or has ended by itself,
/// the steps behind it depend on it alone.
fn waits_for_the_step_before(step: &Step, members: &[Notification], at_ms: i64) -> bool {
    let gate = members.iter().find(|member| Some(&member.id) == step.gate());
    gate.is_some_and(|gate| {
        gate.status == Status::Blocked || transition(gate, &Event::Reinstated { at_ms }).is_ok()
    })
}

/// Whether a notification of a later step has left, or goes on without this decision.
fn may_reach_recipient(member: &Notification) -> bool {
    match member.status {
        Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Delivered => true,
        // One that has never left can be taken back.
        Status::Deferred | Status::Queued => !member.has_never_left(),
        Status::Blocked | Status::Failed | Status::Cancelled | Status::Expired => false,
    }
}

/// The moves of the step's other notifications, if they were cancelled because the gate expired before
/// the step was released. They leave together with the gate.
async fn left_behind(
    notifications: &dyn Notifications,
    own: Option<&Step>,
    at_ms: i64,
) -> Result<Vec<Transition>, PortError> {
    let Some(step) = own else { return Ok(vec![]) };
    let gate = step.gate();
    let others: Vec<NotificationId> =
        step.notifications.iter().filter(|id| Some(*id) != gate).cloned().collect();
    let found = load(notifications, &others).await?;
    let cancelled = found.iter().filter(|other| {
        other.status == Status::Cancelled && other.reason == Some(Reason::PredecessorStopped)
    });
    Ok(cancelled
        .filter_map(|other| {
            let waiting = transition(other, &Event::Reinstated { at_ms }).ok()?.notification;
            transition(&waiting, &Event::Released { at_ms, delay_ms: 0 }).ok()
        })
        .collect())
}
