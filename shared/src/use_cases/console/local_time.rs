//! Times as operators read them: RFC 3339 with a zone's offset at that time.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::Schedule;

#[must_use]
pub fn local_time(at: Timestamp, zone: &TimeZone) -> String {
    at.display_with_offset(zone.to_offset(at)).to_string()
}

/// A time in the zone of a schedule.
#[must_use]
pub fn schedule_time(schedule: &Schedule, at: Timestamp) -> String {
    local_time(at, &schedule.zone().unwrap_or(TimeZone::UTC))
}
