//! Keeps the figures of every drain, for whoever asks afterwards.

use std::sync::{Mutex, PoisonError};

use alimi::domain::LaneFigures;
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

/// The figures of all drains, oldest first.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Vec<Drained>>);

impl Ledger {
    /// The drains so far.
    #[must_use]
    pub fn drains(&self) -> Vec<Drained> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Meter for Ledger {
    fn drained(&self, channel: &str, at_ms: i64, figures: &LaneFigures) {
        let drained = Drained { channel: channel.to_owned(), at_ms, figures: figures.clone() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(drained);
    }
}
