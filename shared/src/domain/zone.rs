//! Names of time zones in requests and configuration, and times in a zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What [`zone`] asks of a text.
pub const MUST_BE_A_ZONE: &str =
    "must be an IANA time zone, such as Asia/Seoul, in exactly IANA's spelling";

/// The zone of this IANA name, if the name is spelled exactly as in the time zone database.
///
/// `EventBridge` does not accept `asia/seoul`. `Etc/Unknown` is in the database, but no place has
/// its time.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    if name == "Etc/Unknown" {
        return None;
    }
    TimeZone::get(name).ok().filter(|zone| zone.iana_name() == Some(name))
}

/// A time as operators read it: RFC 3339 with the zone's offset at that time.
#[must_use]
pub fn local_time(at: Timestamp, zone: &TimeZone) -> String {
    at.display_with_offset(zone.to_offset(at)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hours::test_zones;

    #[test]
    fn only_the_exact_spelling_names_a_zone() {
        for name in ["asia/seoul", "ASIA/SEOUL", "Etc/Unknown", "etc/unknown", "", "+09:00", "utc"]
        {
            assert_eq!(zone(name), None, "{name}");
        }
        for known in test_zones::all() {
            let name = known.iana_name().expect("a name");
            assert_eq!(zone(name), Some(known.clone()), "{name}");
        }
    }
}
