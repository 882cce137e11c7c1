//! Times that a drain can rely on when the machine's clock is set or the process is frozen.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::duration::duration_of_us;
use crate::ports::Clock;

/// The wall clock as it was at the beginning of the drain, advanced by the monotonic clock.
/// Departures are spaced by this clock. Setting the machine's clock during a drain therefore
/// neither stops the lane nor makes it exceed the limit.
#[derive(Clone)]
pub(super) struct SteadyClock {
    wall: Arc<dyn Clock>,
    began_at: Instant,
    began_at_us: i64,
}

impl SteadyClock {
    pub(super) fn new(wall: Arc<dyn Clock>) -> Self {
        Self { began_at: Instant::now(), began_at_us: wall.now_us(), wall }
    }

    /// Now, in Unix microseconds.
    pub(super) fn now_us(&self) -> i64 {
        let elapsed_us = self.began_at.elapsed().as_micros();
        self.began_at_us + i64::try_from(elapsed_us).unwrap_or(i64::MAX)
    }

    /// By how much the wall clock is ahead of this clock now.
    pub(super) fn wall_ahead_us(&self) -> i64 {
        self.wall.now_us() - self.now_us()
    }

    /// The time that is left of a validity.
    pub(super) fn left(&self, validity: Validity) -> Duration {
        validity.left(&*self.wall)
    }
}

/// A moment, read from the monotonic clock and from the wall clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockReading {
    pub(super) at: Instant,
    wall_us: i64,
}

impl ClockReading {
    pub(super) fn now(wall: &dyn Clock) -> Self {
        Self { at: Instant::now(), wall_us: wall.now_us() }
    }

    /// The time since this reading, by the clock on which more time has passed. The monotonic clock
    /// may stand still while the process is frozen, and the wall clock may be set back.
    fn elapsed(self, wall: &dyn Clock) -> Duration {
        self.at.elapsed().max(duration_of_us(wall.now_us() - self.wall_us))
    }
}

/// From when, and for how long, a claim or a lease may be relied on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) from: ClockReading,
    pub(super) duration: Duration,
}

impl Validity {
    /// The time that is left; zero after the end.
    pub(super) fn left(self, wall: &dyn Clock) -> Duration {
        self.duration.saturating_sub(self.from.elapsed(wall))
    }

    /// The same validity, ending this much earlier.
    pub(super) fn shortened(self, by: Duration) -> Self {
        Self { duration: self.duration.saturating_sub(by), ..self }
    }
}

/// How long a lease lets its sender work.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeaseValidity {
    pub(super) may_start_requests: Validity,
    /// As long as the lease is this sender's. A request that started in time may have waited for
    /// its connection since.
    pub(super) may_write_requests: Validity,
}
