//! Remembers that the database could not record receipts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::ports::PortError;

/// For so long after a failure, receipts go to the queue at once. A process that waits for the
/// database takes no other receipt, and the function has few processes.
const REMEMBERED_FOR: Duration = Duration::from_secs(10);

/// The last failure of this process.
#[derive(Default)]
pub(super) struct RecentFailure(Mutex<Option<Instant>>);

impl RecentFailure {
    /// Notes a failure, if it says that the next receipt would fail too.
    pub(super) fn note(&self, error: &PortError) {
        match error {
            PortError::Unavailable { .. } | PortError::Throttled { .. } => {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            // One row that cannot be read says nothing about the others.
            PortError::Unusable { .. } => {}
        }
    }

    /// The error to report instead of trying, shortly after a failure.
    pub(super) fn error(&self) -> Option<PortError> {
        let failed_at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.filter(|at| at.elapsed() < REMEMBERED_FOR).map(|_| PortError::Unavailable {
            what: "the notifications table",
            detail: "it failed a moment ago".to_owned(),
        })
    }
}
