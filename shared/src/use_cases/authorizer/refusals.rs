//! Counts refused keys. Everybody may send any, and a flood of them must not become a flood of log
//! lines.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const REPORT_EVERY: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Refusals(Mutex<State>);

#[derive(Default)]
struct State {
    unreported: u64,
    reported_at: Option<Instant>,
}

impl Refusals {
    /// Counts a refusal, and reports all since the last report at most once a minute.
    pub(super) fn add(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.unreported += 1;
        if state.reported_at.is_some_and(|at| at.elapsed() < REPORT_EVERY) {
            return;
        }
        state.reported_at = Some(Instant::now());
        let count = std::mem::take(&mut state.unreported);
        tracing::warn!(
            metric = "keys_refused",
            count,
            "requests were refused, because they have no valid API key: an operator may have deleted \
             a key that a service still sends"
        );
    }
}
