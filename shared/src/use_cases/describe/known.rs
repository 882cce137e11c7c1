//! The records that are at hand while one answer is written.

use std::collections::HashMap;

use crate::domain::sequence::Step;
use crate::domain::{Notification, NotificationId, Sequence};

/// Notifications that need not be read again.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    /// Those of the answer.
    shown: &'a [Notification],
    by_id: HashMap<&'a NotificationId, &'a Notification>,
    /// The gates of their sequences' other steps.
    gates: HashMap<NotificationId, Notification>,
}

impl<'a> Known<'a> {
    pub(super) fn new(shown: &'a [Notification]) -> Self {
        let by_id = shown.iter().map(|shown| (&shown.id, shown)).collect();
        Self { shown, by_id, gates: HashMap::new() }
    }

    pub(super) fn shown(&self) -> &'a [Notification] {
        self.shown
    }

    pub(super) fn find(&self, id: &NotificationId) -> Option<&Notification> {
        self.by_id.get(id).copied().or_else(|| self.gates.get(id))
    }

    /// The gates of a sequence that are not at hand.
    pub(super) fn missing_gates(&self, sequence: &Sequence) -> Vec<NotificationId> {
        let gates = sequence.steps.iter().filter_map(Step::gate);
        gates.filter(|gate| !self.by_id.contains_key(gate)).cloned().collect()
    }

    pub(super) fn add_gates(&mut self, gates: HashMap<NotificationId, Notification>) {
        self.gates.extend(gates);
    }
}
