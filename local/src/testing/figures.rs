//! A meter that keeps the figures of every drain and of every round of the sweeper.

use std::sync::{Mutex, PoisonError};

use alimi::domain::{LaneFigures, SweepFigures};
use alimi::ports::Meter;

/// The figures of one drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained {
    pub channel: String,
    /// When the drain ended, in Unix milliseconds.
    pub at_ms: i64,
    pub figures: LaneFigures,
}

/// The figures of one round of the sweeper in one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    pub channel: String,
    /// When the round ended, in Unix milliseconds.
    pub at_ms: i64,
    pub figures: SweepFigures,
}

/// All figures, oldest first.
#[derive(Debug, Default)]
pub struct Ledger {
    drains: Mutex<Vec<Drained>>,
    sweeps: Mutex<Vec<Swept>>,
}

impl Ledger {
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
