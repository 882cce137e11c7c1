//! When keys were last used. Operators see it, so that they can tell which keys are still needed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::ports::{Clock, KeyUses};

/// One use an hour is recorded for each key.
const RECORD_EVERY_MS: i64 = 60 * 60 * 1000;

/// After a failure, the next try comes after this time.
const TRY_AGAIN_AFTER_MS: i64 = 60 * 1000;

/// A request waits for the record of its use no longer than this.
const RECORD_WITHIN: Duration = Duration::from_millis(300);

#[derive(Clone)]
pub(super) struct Uses {
    port: Arc<dyn KeyUses>,
    clock: Arc<dyn Clock>,
    /// By key: when its next use has to be recorded, in Unix milliseconds.
    due_ms: Arc<Mutex<HashMap<String, i64>>>,
}

impl Uses {
    pub(super) fn new(port: Arc<dyn KeyUses>, clock: Arc<dyn Clock>) -> Self {
        Self { port, clock, due_ms: Arc::default() }
    }

    /// Records the use of a key, at most once an hour. A failure is only logged: no request may fail
    /// by it.
    ///
    /// The record is awaited, because Lambda stops the process after an answer.
    pub(super) async fn record(&self, key: &str) {
        let now_ms = self.clock.now_ms();
        if !self.is_due(key, now_ms) {
            return;
        }
        let record = self.port.record_use(key, now_ms, now_ms - RECORD_EVERY_MS);
        let error = match tokio::time::timeout(RECORD_WITHIN, record).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it has not answered in time".to_owned(),
        };
        tracing::warn!(key, error, "the use of an API key was not recorded");
        self.set_due(key, now_ms + TRY_AGAIN_AFTER_MS);
    }

    /// Whether the key's use has to be recorded. The next one is due an hour later then.
    fn is_due(&self, key: &str, now_ms: i64) -> bool {
        let mut due_ms = self.due_ms.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = due_ms.get(key).is_none_or(|due_ms| *due_ms <= now_ms);
        if is_due {
            due_ms.insert(key.to_owned(), now_ms + RECORD_EVERY_MS);
        }
        is_due
    }

    fn set_due(&self, key: &str, at_ms: i64) {
        let mut due_ms = self.due_ms.lock().unwrap_or_else(PoisonError::into_inner);
        due_ms.insert(key.to_owned(), at_ms);
    }
}
