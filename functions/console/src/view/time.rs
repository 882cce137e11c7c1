//! Stored times.

use jiff::Timestamp;

/// `None` never occurs: stored times are within the range of a timestamp.
pub(super) fn time(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}
