//! The world's time and its random numbers, both the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use alimi::ports::{Clock, PortError, Randomness};
use tokio::time::Instant;

/// When every world begins: 2026-03-02 10:00 in Seoul.
pub const BEGINNING_MS: i64 = 1_772_413_200_000;

/// A clock that follows tokio's paused clock, which moves only while every task waits.
pub struct WorldClock {
    began: Instant,
}

impl Default for WorldClock {
    fn default() -> Self {
        Self::new()
    }
}

impl WorldClock {
    #[must_use]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for WorldClock {
    fn now_us(&self) -> i64 {
        let passed_us = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        1000 * BEGINNING_MS + passed_us
    }
}

/// "Random" numbers that count up.
#[derive(Default)]
pub(super) struct Counting(AtomicU64);

impl Randomness for Counting {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn secret_bytes(&self) -> Result<[u8; 32], PortError> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.next_u64().to_be_bytes());
        Ok(bytes)
    }
}
