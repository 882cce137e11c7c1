//! Configured durations as numbers.

use jiff::SignedDuration;

/// A duration in whole milliseconds, at most what an `i64` holds.
#[must_use]
pub fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
