//! The records that are at hand while one answer is written.

use std::collections::{HashMap, HashSet};

use crate::domain::sequence::Step;
use crate::domain::{Notification, NotificationId, Sequence};

/// Notifications that need not be read again.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    /// Those of the answer.
    shown: &'a [Notification],
    /// The gates of their sequences' other steps.
    gates: HashMap<NotificationId, Notification>,
}

impl<'a> Known<'a> {
    pub(super) fn new(shown: &'a [Notification]) -> Self {
        Self { shown, gates: HashMap::new() }
    }

    pub(super) fn shown(&self) -> &'a [Notification] {
        self.shown
    }

    pub(super) fn find(&self, id: &NotificationId) -> Option<&Notification> {
        self.shown.iter().find(|shown| shown.id == *id).or_else(|| self.gates.get(id))
    }

    /// The gates of sequences that are not at hand.
    pub(super) fn missing_gates<'s>(
        &self,
        sequences: impl Iterator<Item = &'s Sequence>,
    ) -> Vec<NotificationId> {
        let shown: HashSet<&NotificationId> = self.shown.iter().map(|shown| &shown.id).collect();
        let gates = sequences.flat_map(|sequence| sequence.steps.iter().filter_map(Step::gate));
        gates.filter(|gate| !shown.contains(gate)).cloned().collect()
    }

    pub(super) fn add_gates(&mut self, gates: HashMap<NotificationId, Notification>) {
        self.gates.extend(gates);
    }
}
