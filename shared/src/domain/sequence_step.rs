//! Which step of which sequence a notification is.

use serde::{Deserialize, Serialize};

use super::id::SequenceId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceStep {
    pub sequence: SequenceId,
    /// The number of this step, counted from 0.
    pub step: u8,
    /// How many steps the sequence has.
    pub steps: u8,
    /// The end of this notification is the end of its step. A step's other notifications decide
    /// nothing.
    #[serde(default = "yes")]
    pub is_gate: bool,
    /// The step's delay is so long that its producer planned it for later: the hours of scheduled
    /// messages apply to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_planned: bool,
}

/// A step with a longer delay than this is planned. 15 minutes, in milliseconds.
const REAL_TIME_DELAY_MAX_MS: i64 = 15 * 60 * 1000;

impl SequenceStep {
    /// Whether a step with this delay is planned for later.
    #[must_use]
    pub fn is_planned_by(delay_ms: i64) -> bool {
        delay_ms > REAL_TIME_DELAY_MAX_MS
    }
}

fn yes() -> bool {
    true
}
