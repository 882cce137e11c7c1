//! Time that a drain can rely on, whatever happens to the machine's clock or to the process.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::micros;
use crate::ports::Clock;

/// The wall clock as it was when this was made, counted on by the monotonic one: departures are spaced
/// by it, so that a machine whose clock is set while it drains neither stops nor overruns the limit.
#[derive(Clone)]
pub(super) struct SteadyClock {
    wall: Arc<dyn Clock>,
    began: Instant,
    began_us: i64,
}

impl SteadyClock {
    pub(super) fn new(wall: Arc<dyn Clock>) -> Self {
        Self { began: Instant::now(), began_us: wall.now_us(), wall }
    }

    /// Now, in Unix microseconds.
    pub(super) fn now_us(&self) -> i64 {
        let passed_us = self.began.elapsed().as_micros();
        self.began_us + i64::try_from(passed_us).unwrap_or(i64::MAX)
    }

    /// By how much the wall clock is ahead of this one by now.
    pub(super) fn wall_ahead_us(&self) -> i64 {
        self.wall.now_us() - self.now_us()
    }

    /// What is left of a term.
    pub(super) fn left(&self, term: Term) -> Duration {
        term.left(&*self.wall)
    }
}

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub at: Instant,
    wall_us: i64,
}

impl Moment {
    pub(super) fn now(wall: &dyn Clock) -> Self {
        Self { at: Instant::now(), wall_us: wall.now_us() }
    }

    /// How long ago it was, by the clock that says longer: the monotonic one may stand still in a
    /// process that is frozen, and the wall clock may be set back.
    fn elapsed(self, wall: &dyn Clock) -> Duration {
        self.at.elapsed().max(micros(wall.now_us() - self.wall_us))
    }
}

/// For how long something may be relied on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub from: Moment,
    pub lasts: Duration,
}

impl Term {
    /// What is left of it; nothing when it is over.
    pub(super) fn left(self, wall: &dyn Clock) -> Duration {
        self.lasts.saturating_sub(self.from.elapsed(wall))
    }

    /// The same, ending this much earlier.
    pub(super) fn shortened(self, by: Duration) -> Self {
        Self { lasts: self.lasts.saturating_sub(by), ..self }
    }
}
