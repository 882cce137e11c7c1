//! Faults of the database that tests set.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The faults of the next requests to the database, in order. `None` is a request without a fault.
#[derive(Clone, Debug, Default)]
pub struct DatabaseFaults(Arc<Mutex<VecDeque<Option<DatabaseFault>>>>);

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

    /// Takes the fault of the next request.
    pub(super) fn take_next(&self) -> Option<DatabaseFault> {
        self.queue().pop_front().flatten()
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Option<DatabaseFault>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
