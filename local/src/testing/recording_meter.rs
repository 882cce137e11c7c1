//! A meter that keeps the metrics of drains, of the sweeper's rounds, of the webhook, and of dead letters.

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
    refused: Mutex<Vec<u64>>,
    dead_letters: Mutex<Vec<u64>>,
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

    /// The counts of refused calls of the webhook, in the order in which they were recorded.
    #[must_use]
    pub fn webhook_refused(&self) -> Vec<u64> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The counts of dead letters, in the order in which they were recorded.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<u64> {
        self.dead_letters.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

    fn webhook_refused(&self, _at_ms: i64, count: u64) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).push(count);
    }

    fn dead_letters(&self, _at_ms: i64, count: u64) {
        self.dead_letters.lock().unwrap_or_else(PoisonError::into_inner).push(count);
    }
}
