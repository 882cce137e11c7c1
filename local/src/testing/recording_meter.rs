//! A meter that keeps the metrics of every drain and of every round of the sweeper.

use std::sync::{Mutex, PoisonError};

use alimi::domain::{LaneMetrics, SweepMetrics};
use alimi::ports::Meter;

/// The metrics of one drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained {
    pub channel: String,
    /// When the drain ended, in Unix milliseconds.
    pub at_ms: i64,
    pub metrics: LaneMetrics,
}

/// The metrics of one round of the sweeper in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    pub channel: String,
    /// When the round ended, in Unix milliseconds.
    pub at_ms: i64,
    pub metrics: SweepMetrics,
}

/// Keeps them in order, oldest first.
#[derive(Debug, Default)]
pub struct RecordingMeter {
    drains: Mutex<Vec<Drained>>,
    sweeps: Mutex<Vec<Swept>>,
}

impl RecordingMeter {
    #[must_use]
    pub fn drains(&self) -> Vec<Drained> {
        self.drains.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The rounds that found something.
    #[must_use]
    pub fn sweeps(&self) -> Vec<Swept> {
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Meter for RecordingMeter {
    fn drained(&self, channel: &str, at_ms: i64, metrics: &LaneMetrics) {
        let drained = Drained { channel: channel.to_owned(), at_ms, metrics: metrics.clone() };
        self.drains.lock().unwrap_or_else(PoisonError::into_inner).push(drained);
    }

    fn swept(&self, channel: &str, at_ms: i64, metrics: &SweepMetrics) {
        let swept = Swept { channel: channel.to_owned(), at_ms, metrics: *metrics };
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner).push(swept);
    }
}
