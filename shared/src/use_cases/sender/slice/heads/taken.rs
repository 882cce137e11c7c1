//! Entries that were taken. The index may still show them for a while.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// How long a taken entry is remembered.
const REMEMBER: Duration = Duration::from_secs(10);

/// The entries that were taken lately.
#[derive(Default)]
pub(super) struct Taken(HashMap<String, Instant>);

impl Taken {
    pub(super) fn insert(&mut self, partition: &str, sort: &str) {
        self.0.insert(place(partition, sort), Instant::now());
    }

    pub(super) fn remove(&mut self, partition: &str, sort: &str) {
        self.0.remove(&place(partition, sort));
    }

    pub(super) fn contains(&self, partition: &str, sort: &str) -> bool {
        self.0.contains_key(&place(partition, sort))
    }

    pub(super) fn forget_old(&mut self, at: Instant) {
        self.0.retain(|_, taken_at| at.saturating_duration_since(*taken_at) < REMEMBER);
    }
}

/// Where in the agenda an entry stands.
fn place(partition: &str, sort: &str) -> String {
    format!("{partition} {sort}")
}
