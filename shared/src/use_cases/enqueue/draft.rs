//! What producers ask for: single notifications and sequences.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::domain::{Priority, Recipient};

/// One notification as its producer asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// The template's name.
    pub template: String,
    pub to: Recipient,
    pub variables: BTreeMap<String, String>,
    pub priority: Priority,
    pub not_before_ms: Option<i64>,
    /// The message must leave before this time.
    pub expires_at_ms: Option<i64>,
}

/// One step of a sequence.
#[derive(Clone, PartialEq, Eq)]
pub struct StepDraft {
    /// The template's name.
    pub template: String,
    pub variables: BTreeMap<String, String>,
}

/// A sequence as its producer asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct SequenceDraft {
    /// The recipient of every step.
    pub to: Recipient,
    /// 1 to 25 steps, in the order in which they are sent.
    pub steps: Vec<StepDraft>,
    /// How long each step waits for its receipt; `None`: as long as its channel says.
    pub confirm_within: Option<SignedDuration>,
    pub priority: Priority,
    /// The first step must not leave before this time.
    pub not_before_ms: Option<i64>,
    /// Every step must leave before this time.
    pub expires_at_ms: Option<i64>,
}
