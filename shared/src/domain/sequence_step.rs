//! Which step of which sequence a notification is.

use serde::{Deserialize, Serialize};

use super::id::{NotificationId, SequenceId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceStep {
    pub sequence: SequenceId,
    /// The number of this step, counted from 0.
    pub step: u8,
    /// How many steps the sequence has.
    pub steps: u8,
}

impl SequenceStep {
    /// The most steps of a sequence: one transaction stores all of them.
    pub const STEPS_MAX: usize = 25;

    /// The step that waits for this one.
    #[must_use]
    pub fn next(&self) -> Option<NotificationId> {
        self.rest().next()
    }

    /// All later steps in order.
    pub fn rest(&self) -> impl Iterator<Item = NotificationId> + use<'_> {
        (self.step + 1..self.steps).map(|step| self.sequence.step_id(step))
    }
}
