//! How far a sequence has come, in one word.

#[cfg(test)]
mod tests;

use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use super::id::NotificationId;
use super::notification::Notification;
use super::reason::Reason;
use super::sequence::{After, Next, Sequence, StepEnd};
use super::status::Status;

/// The status of a sequence. It is not stored: it follows from the gates of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum SequenceStatus {
    /// No step has left yet.
    Waiting,
    /// A step has left, and a later end of it or of another step is still to come.
    Sending,
    /// The step that decides is `unknown` or `unconfirmed`: only a late receipt or a person moves the
    /// sequence on.
    Stalled,
    /// It is over: the last step that was needed was delivered, and so was every other one, or a
    /// fallback was delivered in its place.
    Delivered,
    /// It is over: the last step was delivered, an earlier one was not, and the sequence went on as it
    /// was asked to.
    PartlyDelivered,
    /// It is over: a step failed or expired, and no other step replaces it.
    Stopped,
    /// It is over: a producer or an operator withdrew what had not left.
    Cancelled,
    /// It is over, and the records that would tell how are past their retention.
    Ended,
}

impl SequenceStatus {
    /// The status as JSON has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Sequence {
    /// The status of the sequence. `find` finds the record of a gate; `None` when it is not stored any
    /// more. Records that were read one after the other may come from two moments.
    #[must_use]
    pub fn status<'a>(
        &self,
        find: impl Fn(&NotificationId) -> Option<&'a Notification>,
    ) -> SequenceStatus {
        let gates: Vec<Option<&Notification>> =
            self.steps.iter().map(|step| step.gate().and_then(&find)).collect();
        // The step that decides: the last one that has left its place.
        let decisive = gates.iter().enumerate().rev().find_map(|(index, gate)| {
            let gate = gate.filter(|gate| has_left_its_place(gate.status))?;
            Some((index, gate.status))
        });
        let Some((index, status)) = decisive else {
            return if gates.iter().any(Option::is_none) {
                SequenceStatus::Ended
            } else {
                SequenceStatus::Cancelled
            };
        };
        match status {
            Status::Deferred | Status::Queued => {
                let has_left = |gate: Option<&Notification>| {
                    gate.is_none_or(|gate| has_left_its_place(gate.status))
                };
                if gates[..index].iter().copied().any(has_left) {
                    SequenceStatus::Sending
                } else {
                    SequenceStatus::Waiting
                }
            }
            Status::Sending | Status::Accepted => SequenceStatus::Sending,
            Status::Unknown | Status::Unconfirmed => SequenceStatus::Stalled,
            Status::Failed | Status::Expired => self.over(&gates, index, StepEnd::Failed),
            // The step that decides is never blocked or cancelled.
            Status::Delivered | Status::Blocked | Status::Cancelled => {
                self.over(&gates, index, StepEnd::Delivered)
            }
        }
    }

    /// The status once the step at `index`, which decides, has ended.
    fn over(&self, gates: &[Option<&Notification>], index: usize, end: StepEnd) -> SequenceStatus {
        let behind = || gates[index + 1..].iter().copied();
        let was_cancelled_as = |reason: &Reason| {
            behind().flatten().any(|gate| {
                gate.status == Status::Cancelled && gate.reason.as_ref() == Some(reason)
            })
        };
        // Read before the end of the step released it.
        if behind().flatten().any(|gate| gate.status == Status::Blocked) {
            return SequenceStatus::Sending;
        }
        if was_cancelled_as(&Reason::Requested) {
            return SequenceStatus::Cancelled;
        }
        let next = self.steps.get(index + 1).map(|step| self.next(step, end));
        if behind().any(|gate| gate.is_none()) && next != Some(Next::Cancel) {
            return SequenceStatus::Ended;
        }
        if end == StepEnd::Failed || was_cancelled_as(&Reason::PredecessorStopped) {
            return SequenceStatus::Stopped;
        }
        if (0..index).any(|earlier| self.is_missed(gates, earlier)) {
            SequenceStatus::PartlyDelivered
        } else {
            SequenceStatus::Delivered
        }
    }

    /// Whether the step at `index` was not delivered, and the next step that left is no fallback.
    fn is_missed(&self, gates: &[Option<&Notification>], index: usize) -> bool {
        let ended_otherwise = gates[index].is_some_and(|gate| match gate.status {
            Status::Failed | Status::Expired | Status::Unknown | Status::Unconfirmed => true,
            Status::Blocked
            | Status::Deferred
            | Status::Queued
            | Status::Sending
            | Status::Accepted
            | Status::Cancelled
            | Status::Delivered => false,
        });
        let mut later = self.steps.iter().zip(gates).skip(index + 1);
        let next = later.find(|(_, gate)| gate.is_none_or(|gate| has_left_its_place(gate.status)));
        ended_otherwise && next.is_none_or(|(step, _)| step.after != After::Failed)
    }
}

/// Whether a gate was released, whatever became of it then.
fn has_left_its_place(status: Status) -> bool {
    match status {
        Status::Blocked | Status::Cancelled => false,
        Status::Deferred
        | Status::Queued
        | Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Expired
        | Status::Delivered => true,
    }
}
