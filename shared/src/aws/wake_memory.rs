//! The wakes that this process has sent lately.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many wakes are remembered. In one second a process wakes few lanes.
const REMEMBERED_MAX: usize = 32;

/// SQS drops a message whose deduplication id came within the last five minutes. A process that
/// remembers such an id does not need to send it: all requests of one second cause one wake of a
/// lane. Each id names a time or a drain, so no id has to be sent again later.
#[derive(Clone, Debug, Default)]
pub(super) struct WakeMemory(Arc<Mutex<VecDeque<String>>>);

impl WakeMemory {
    pub(super) fn has(&self, deduplication: &str) -> bool {
        self.sent().iter().any(|sent| sent == deduplication)
    }

    /// Only a wake that SQS has taken may be remembered.
    pub(super) fn remember(&self, deduplication: &str) {
        let mut sent = self.sent();
        if sent.len() >= REMEMBERED_MAX {
            sent.pop_front();
        }
        sent.push_back(deduplication.to_owned());
    }

    fn sent(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_wakes_are_remembered_and_the_memory_does_not_grow() {
        let memory = WakeMemory::default();
        for second in 0..1_000 {
            let deduplication = format!("alimtalk-main-0-{second}");
            assert!(!memory.has(&deduplication));
            memory.remember(&deduplication);
            assert!(memory.has(&deduplication));
        }
        assert!(memory.has("alimtalk-main-0-990"));
        assert_eq!(memory.sent().len(), REMEMBERED_MAX);
    }
}
