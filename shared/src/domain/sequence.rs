//! Sequences: steps to one recipient, each of which waits for the end of the step before it.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::field_error::FieldError;
use super::id::{NotificationId, SequenceId};
use super::unknown_attributes::UnknownAttributes;

/// A sequence. Its steps' order and conditions never change; how far it has come follows from the
/// status of its notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    pub id: SequenceId,
    /// The version of the stored shape; see [`Self::SCHEMA`].
    #[serde(default)]
    pub schema: u16,
    /// Digest of the request that created the sequence.
    pub request_digest: String,
    /// The producer that it belongs to.
    pub owner: String,
    #[serde(default)]
    pub on_failure: OnFailure,
    #[serde(default)]
    pub on_unconfirmed: OnUnconfirmed,
    pub steps: Vec<Step>,
    pub created_at_ms: i64,
    /// What a newer version of the code stored with it.
    #[serde(skip)]
    pub unknown: UnknownAttributes,
}

/// One step: its notifications leave together, and one of them is the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What has to become of the step before it.
    #[serde(default)]
    pub after: After,
    /// How long it waits after that, in milliseconds.
    #[serde(default)]
    pub delay_ms: i64,
    pub notifications: Vec<NotificationId>,
    /// The index of the notification whose end is the end of the step.
    #[serde(default)]
    pub gate: usize,
}

/// What has to become of the step before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    #[default]
    Delivered,
    /// It failed or expired. The step is a fallback.
    Failed,
    /// It was delivered, failed or expired.
    Finished,
}

/// What to do with the rest of a sequence when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Cancel it, but for the steps that wait for the failure.
    #[default]
    Halt,
    /// Go on as if the step had been delivered.
    Continue,
}

/// What to do with the rest of a sequence when a step becomes `unconfirmed`: the provider took it,
/// and no receipt came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnconfirmed {
    /// Wait for a late receipt, or for a person.
    #[default]
    Wait,
    /// Go on as if the step had been delivered.
    Continue,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepEnd {
    Delivered,
    /// It failed or expired.
    Failed,
    /// A producer or an operator withdrew it.
    Withdrawn,
}

/// What the end of one step means for a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It may leave after its delay. The steps behind it wait for its own end.
    Release,
    /// It is not needed. The steps behind it go by the end of the step before it.
    NotNeeded,
    /// It does not leave, because an earlier step failed or was withdrawn. The steps behind it go
    /// by the same end.
    Cancel,
}

/// How far the step before a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepBefore {
    /// It has not ended.
    Open,
    Ended(StepEnd),
    /// An earlier step decided against it, so the end of a step before it counts.
    PassedOver,
}

impl Sequence {
    /// The present version of the stored shape.
    pub const SCHEMA: u16 = 1;
    /// The most that the delays of all steps come to: 366 days, in milliseconds. The sequence's row
    /// is kept for longer than its last step can wait.
    pub const DELAYS_MAX_MS: i64 = 366 * 24 * 60 * 60 * 1000;
    /// The most notifications of a sequence: one transaction stores them with the sequence, and one
    /// cancels them.
    pub const NOTIFICATIONS_MAX: usize = 90;

    /// What becomes of a step when the step before it has ended.
    #[must_use]
    pub fn next(&self, step: &Step, before: StepEnd) -> Next {
        match (before, step.after) {
            (StepEnd::Withdrawn, After::Delivered | After::Failed | After::Finished) => {
                Next::Cancel
            }
            (StepEnd::Delivered, After::Delivered | After::Finished)
            | (StepEnd::Failed, After::Failed | After::Finished) => Next::Release,
            (StepEnd::Delivered, After::Failed) => Next::NotNeeded,
            (StepEnd::Failed, After::Delivered) => match self.on_failure {
                OnFailure::Halt => Next::Cancel,
                OnFailure::Continue => Next::Release,
            },
        }
    }

    /// Whether a step may leave after the step before it has ended so.
    #[must_use]
    pub fn releases(&self, step: &Step, before: StepEnd) -> bool {
        self.next(step, before) == Next::Release
    }

    /// What is wrong with the steps. A step without notifications, or whose gate is none of them,
    /// has no gate.
    #[must_use]
    pub fn faults(steps: &[Step]) -> Vec<FieldError> {
        let count: usize = steps.iter().map(|step| step.notifications.len()).sum();
        let max = Self::NOTIFICATIONS_MAX;
        let too_many = FieldError::unless(
            !steps.is_empty() && count <= max,
            "steps",
            format!(
                "has {} steps with {count} notifications; must have 1 to {max} notifications",
                steps.len()
            ),
        );
        let first_waits = steps.first().filter(|step| step.after != After::Delivered).map(|_| {
            FieldError::new("steps[0].after", "must be left out: no step is before the first one")
        });
        let first_delayed = steps.first().filter(|step| step.delay_ms != 0).map(|_| {
            let must = "must be left out: give the sequence's not_before instead";
            FieldError::new("steps[0].delay", must)
        });
        let delays_ms: i64 = steps.iter().map(|step| step.delay_ms).sum();
        let too_late = FieldError::unless(
            delays_ms <= Self::DELAYS_MAX_MS,
            "steps",
            "has delays of more than 366 days in all; must have at most 366 days",
        );
        let gates =
            steps.iter().enumerate().filter(|(_, step)| step.gate().is_none()).map(|(index, _)| {
                let must = "has no gate; must have one notification whose delivery ends the step";
                FieldError::new(format!("steps[{index}]"), must)
            });
        too_many
            .into_iter()
            .chain(first_waits)
            .chain(first_delayed)
            .chain(too_late)
            .chain(gates)
            .collect()
    }
}

impl Step {
    /// The notification whose end is the end of the step.
    #[must_use]
    pub fn gate(&self) -> Option<&NotificationId> {
        self.notifications.get(self.gate)
    }
}
