//! Keeps the figures of every drain and sweep, for whoever asks afterwards.

use std::sync::{Mutex, PoisonError};

use alimi::domain::{LaneFigures, SweepFigures};
use alimi::ports::Meter;

/// What one drain came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained {
    /// The channel.
    pub channel: String,
    /// When it was over, in Unix milliseconds.
    pub at_ms: i64,
    /// What it did.
    pub figures: LaneFigures,
}

/// What one round of the sweeper found in a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The channel.
    pub channel: String,
    /// When it was over, in Unix milliseconds.
    pub at_ms: i64,
    /// What it found.
    pub figures: SweepFigures,
}

/// The figures of all drains and rounds, oldest first.
#[derive(Debug, Default)]
pub struct Ledger {
    drains: Mutex<Vec<Drained>>,
    sweeps: Mutex<Vec<Swept>>,
}

impl Ledger {
    /// The drains so far.
    #[must_use]
    pub fn drains(&self) -> Vec<Drained> {
        self.drains.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The rounds so far that found something.
    #[must_use]
    pub fn sweeps(&self) -> Vec<Swept> {
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Meter for Ledger {
    fn drained(&self, channel: &str, at_ms: i64, figures: &LaneFigures) {
        let drained = Drained { channel: channel.to_owned(), at_ms, figures: figures.clone() };
        self.drains.lock().unwrap_or_else(PoisonError::into_inner).push(drained);
    }

    fn swept(&self, channel: &str, at_ms: i64, figures: &SweepFigures) {
        let swept = Swept { channel: channel.to_owned(), at_ms, figures: *figures };
        self.sweeps.lock().unwrap_or_else(PoisonError::into_inner).push(swept);
    }
}
