//! Durations and times as whole numbers, and back.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A duration in whole milliseconds, at most what an `i64` holds.
#[must_use]
pub fn millis(duration: impl TryInto<SignedDuration>) -> i64 {
    duration
        .try_into()
        .ok()
        .and_then(|duration: SignedDuration| i64::try_from(duration.as_millis()).ok())
        .unwrap_or(i64::MAX)
}

/// Microseconds as a duration. A negative number is a time in the past and becomes zero.
pub(crate) fn duration_of_us(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

/// Unix microseconds as a timestamp.
pub(crate) fn timestamp_of_us(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or_default()
}
