//! Counts the refused calls of the webhook, which everybody may call.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::ports::{Clock, Meter};

/// A flood of calls must not become a flood of log lines and metrics.
const REPORT_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Refusals {
    meter: Arc<dyn Meter>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    unreported: u64,
    reported_at: Option<Instant>,
}

impl Refusals {
    pub(super) fn new(meter: Arc<dyn Meter>, clock: Arc<dyn Clock>) -> Self {
        Self { meter, clock, state: Mutex::default() }
    }

    pub(super) fn add(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).unreported += 1;
        self.report();
    }

    /// Reports the refusals since the last report, at most once a minute. Each invocation calls
    /// this: Lambda stops the process between invocations, so no timer would.
    pub(super) fn report(&self) {
        let Some(count) = self.take_due() else { return };
        tracing::warn!(
            metric = "webhook_refused",
            count,
            "calls of the webhook were refused: compare the address that is registered at the \
             provider, and the channel's receipt_sources"
        );
        self.meter.webhook_refused(self.clock.now_ms(), count);
    }

    fn take_due(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = state.reported_at.is_some_and(|at| at.elapsed() < REPORT_EVERY);
        if state.unreported == 0 || is_early {
            return None;
        }
        state.reported_at = Some(Instant::now());
        Some(std::mem::take(&mut state.unreported))
    }
}
