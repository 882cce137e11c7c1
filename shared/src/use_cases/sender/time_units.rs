//! Conversions between durations, Unix milliseconds and Unix microseconds.

use std::time::Duration;

use jiff::Timestamp;

/// A duration in whole milliseconds.
pub(super) fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Microseconds as a duration. A negative number is a time in the past and becomes zero.
pub(super) fn duration_of_us(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

/// Unix microseconds as a timestamp.
pub(super) fn timestamp_of_us(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or_default()
}
