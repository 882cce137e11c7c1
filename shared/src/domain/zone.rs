//! Time zones as they are taken in.

use jiff::tz::TimeZone;

/// What [`zone`] asks of a text.
pub const MUST_BE_A_ZONE: &str =
    "must be an IANA time zone, such as Asia/Seoul, written as it is there";

/// The zone of this IANA name, spelled as the database spells it. `EventBridge` does not take
/// `asia/seoul`, and `Etc/Unknown` is nobody's time.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    if name == "Etc/Unknown" {
        return None;
    }
    TimeZone::get(name).ok().filter(|zone| zone.iana_name() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hours::test_zones;

    #[test]
    fn a_zone_is_spelled_as_the_database_spells_it() {
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
