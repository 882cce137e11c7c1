//! How many notifications a producer may ask for on each local day.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::field_error::FieldError;
use super::zone::{MUST_BE_A_ZONE, zone};

/// A quota of a producer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyQuota {
    pub notifications_per_day: u32,
    /// The IANA zone whose midnight begins a day.
    #[serde(default = "seoul")]
    pub timezone: String,
}

fn seoul() -> String {
    "Asia/Seoul".to_owned()
}

/// A day in the zone of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaDay {
    /// Such as `2026-03-02`. The order of these texts is the order of the days.
    pub date: String,
    /// No right clock says a later day than this: another zone is a day ahead at most.
    pub latest: String,
    /// When the next day begins.
    pub ends_at: Timestamp,
}

impl DailyQuota {
    /// The day of a time.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> QuotaDay {
        let zone = self.zone();
        let date = zone.to_datetime(at).date();
        let next = |date: Date| date.tomorrow().unwrap_or(date);
        // Where the clock skips midnight, the day begins at the first time that it shows.
        let ends_at = next(date).to_zoned(zone).map_or(at, |start| start.timestamp());
        QuotaDay { date: date.to_string(), latest: next(date).to_string(), ends_at }
    }

    /// The zone of the days. A stored quota has a known zone.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        zone(&self.timezone).unwrap_or(TimeZone::UTC)
    }

    /// What has to be changed before the quota can be saved.
    pub(super) fn faults(&self) -> Vec<FieldError> {
        let count = self.notifications_per_day;
        FieldError::unless(
            count > 0,
            "notifications_per_day",
            "is 0; must be 1 or more. To shut the service out, delete its keys and remove its \
             permission to call the API",
        )
        .into_iter()
        .chain(FieldError::unless(
            zone(&self.timezone).is_some(),
            "timezone",
            format!("is {:?}; {MUST_BE_A_ZONE}", self.timezone),
        ))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(timezone: &str) -> DailyQuota {
        DailyQuota { notifications_per_day: 10, timezone: timezone.to_owned() }
    }

    fn day(timezone: &str, at: &str) -> (String, String) {
        let day = quota(timezone).day(at.parse().expect("a time"));
        (day.date, day.ends_at.to_string())
    }

    #[test]
    fn a_day_begins_at_midnight_in_the_zone_of_the_quota() {
        let expect = |timezone, at, date: &str, ends_at: &str| {
            assert_eq!(day(timezone, at), (date.to_owned(), ends_at.to_owned()), "{timezone} {at}");
        };
        expect("Asia/Seoul", "2026-03-01T14:59:59Z", "2026-03-01", "2026-03-01T15:00:00Z");
        expect("Asia/Seoul", "2026-03-01T15:00:00Z", "2026-03-02", "2026-03-02T15:00:00Z");
        expect("UTC", "2026-03-01T15:00:00Z", "2026-03-01", "2026-03-02T00:00:00Z");
        // The day on which the clock goes forward has 23 hours.
        expect("Europe/Berlin", "2026-03-29T11:00:00Z", "2026-03-29", "2026-03-29T22:00:00Z");
        // In Beirut the clock skips midnight of that day: the day begins at 01:00.
        expect("Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-28", "2026-03-28T22:00:00Z");
    }

    #[test]
    fn the_latest_day_is_tomorrow_also_at_the_end_of_a_year() {
        let day = quota("Asia/Seoul").day("2026-12-31T00:00:00Z".parse().expect("a time"));
        assert_eq!((day.date.as_str(), day.latest.as_str()), ("2026-12-31", "2027-01-01"));
    }

    #[test]
    fn the_zone_is_seoul_unless_the_document_names_another() {
        let read: DailyQuota =
            serde_json::from_str(r#"{ "notifications_per_day": 10 }"#).expect("a quota");
        assert_eq!(read, quota("Asia/Seoul"));
        assert_eq!(read.faults(), []);
        let faulty = DailyQuota { notifications_per_day: 0, timezone: "KST".to_owned() };
        let fields: Vec<_> = faulty.faults().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["notifications_per_day", "timezone"]);
    }
}
