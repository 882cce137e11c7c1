//! The moves of other notifications of a sequence that the end of a step brings about.

#[cfg(test)]
mod tests;

use super::rows::{load, moves};
use crate::domain::sequence::{Next, OnUnconfirmed, Step, StepEnd};
use crate::domain::{
    Effect, Event, Notification, NotificationId, Reason, Sequence, SequenceStep, Status, Transition,
};
use crate::ports::{Notifications, PortError, Sequences};

/// The moves that belong in the transaction of the move that they follow from.
#[derive(Debug, Default)]
pub(super) struct Followers {
    pub(super) moves: Vec<Transition>,
    /// What an operator has to hear of once the moves are saved.
    pub(super) news: Option<SequenceNews>,
}

/// What happened to a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SequenceNews {
    Stopped,
    Stalled,
}

impl SequenceNews {
    /// Logs the news with the notification that they come from.
    pub(super) fn log(self, notification: &Notification) {
        let Some(sequence_step) = &notification.sequence_step else { return };
        let reason = notification.reason.as_ref();
        let message = match self {
            Self::Stopped => "a sequence stopped: its later steps are cancelled; see its reason",
            Self::Stalled => "a sequence waits for a receipt that may never come",
        };
        tracing::warn!(
            sequence = %sequence_step.sequence,
            notification = %notification.id,
            // The API counts steps from 1.
            step = sequence_step.step + 1,
            steps = sequence_step.steps,
            channel = %notification.channel,
            status = notification.status.as_str(),
            reason = reason.map(Reason::name),
            code = reason.and_then(Reason::code),
            "{message}"
        );
    }
}

/// The moves of other notifications that follow from a move.
pub(super) async fn followers(
    notifications: &dyn Notifications,
    sequences: &dyn Sequences,
    moved: &Transition,
) -> Result<Followers, PortError> {
    let Some(place) = &moved.notification.sequence_step else { return Ok(Followers::default()) };
    let mut end = None;
    let mut stalls = false;
    for effect in &moved.effects {
        match effect {
            Effect::EndStep(ended) => end = Some(*ended),
            Effect::StallStep => stalls = true,
            Effect::WakeLane | Effect::ReopenStep => {}
        }
    }
    let is_last = place.step + 1 >= place.steps;
    if (end.is_none() && !stalls) || (is_last && end == Some(StepEnd::Delivered)) {
        return Ok(Followers::default());
    }
    let Some(sequence) = sequences.sequence(&place.sequence).await? else {
        tracing::error!(
            sequence = %place.sequence,
            notification = %moved.notification.id,
            "the sequence is missing: its later steps stay as they are"
        );
        return Ok(Followers::default());
    };
    // A sequence never goes on behind `unknown`: the sender may still put the claim back, and the
    // message would leave after its successor.
    let goes_on = sequence.on_unconfirmed == OnUnconfirmed::Continue
        && moved.notification.status == Status::Unconfirmed;
    let end = match end {
        Some(end) => end,
        None if goes_on => StepEnd::Delivered,
        None => return Ok(Followers { moves: vec![], news: Some(SequenceNews::Stalled) }),
    };
    let at_ms = moved.notification.status_since_ms;
    let mut found = after_step(notifications, &sequence, place, end, at_ms).await?;
    if end != StepEnd::Delivered {
        let own_step = sequence.steps.get(usize::from(place.step));
        found.moves.extend(left_behind(notifications, own_step, at_ms).await?);
    }
    Ok(found)
}

/// The moves of the steps behind `place`, whose step ended as `end` says.
async fn after_step(
    notifications: &dyn Notifications,
    sequence: &Sequence,
    place: &SequenceStep,
    end: StepEnd,
    at_ms: i64,
) -> Result<Followers, PortError> {
    let mut followers = Followers::default();
    for step in sequence.steps.iter().skip(usize::from(place.step) + 1) {
        let found = load(notifications, &step.notifications).await?;
        // The gate was released, or has ended, by an earlier event. That event has decided about
        // the steps behind it.
        if !is_gate_blocked(step, &found) {
            return Ok(followers);
        }
        let next = sequence.next(step, end);
        let event = match next {
            Next::Release => Event::Released { at_ms, delay_ms: step.delay_ms },
            Next::NotNeeded => Event::NotNeeded { at_ms },
            Next::Cancel => Event::PredecessorStopped { at_ms },
        };
        followers.moves.extend(moves(&found, &event));
        match next {
            Next::Release => return Ok(followers),
            Next::NotNeeded => {}
            Next::Cancel => followers.news = Some(SequenceNews::Stopped),
        }
    }
    // No step is left that could leave.
    if end != StepEnd::Delivered {
        followers.news = Some(SequenceNews::Stopped);
    }
    Ok(followers)
}

/// The moves of notifications that would wait for ever: their step's gate was withdrawn or expired
/// before the step was released.
async fn left_behind(
    notifications: &dyn Notifications,
    own_step: Option<&Step>,
    at_ms: i64,
) -> Result<Vec<Transition>, PortError> {
    let Some(step) = own_step else { return Ok(vec![]) };
    let gate = step.gate();
    let others: Vec<NotificationId> =
        step.notifications.iter().filter(|id| Some(*id) != gate).cloned().collect();
    let found = load(notifications, &others).await?;
    Ok(moves(&found, &Event::PredecessorStopped { at_ms }))
}

fn is_gate_blocked(step: &Step, notifications: &[Notification]) -> bool {
    let gate = step.gate();
    notifications.iter().any(|found| Some(&found.id) == gate && found.status == Status::Blocked)
}
