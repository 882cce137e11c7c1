//! Faults of the database that tests set.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The faults of the next requests to the database, and the number of writes that had an effect or
/// could have had one.
#[derive(Clone, Debug, Default)]
pub struct DatabaseFaults {
    /// In order. `None` is a request without a fault.
    next: Arc<Mutex<VecDeque<Option<DatabaseFault>>>>,
    writes: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFault {
    /// The request has its effect, but its answer is lost.
    AnswerLost,
    /// The request has no effect, and DynamoDB answers that it throttles the caller.
    Refused,
    /// The request has no effect, and DynamoDB answers that it has failed.
    Failed,
    /// The request has no effect, and no answer ever comes.
    NoAnswer,
}

impl DatabaseFaults {
    /// Adds a fault after those that are set already.
    pub fn add(&self, fault: DatabaseFault) {
        self.queue().push_back(Some(fault));
    }

    /// Adds requests without a fault.
    pub fn pass(&self, requests: usize) {
        self.queue().extend(std::iter::repeat_n(None, requests));
    }

    /// The number of faults that no request has met yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.queue().iter().flatten().count()
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.queue().clear();
    }

    /// The number of writes that reached the database.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    pub(super) fn count_write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the fault of the next request.
    pub(super) fn take_next(&self) -> Option<DatabaseFault> {
        self.queue().pop_front().flatten()
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Option<DatabaseFault>>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
