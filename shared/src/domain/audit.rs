//! Records of who did what to whose data.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::phone::PhoneNumber;
use super::stated_reason::REASON_CHARACTERS_MAX;

/// How much of one value a record keeps. Ids and names are shorter.
const VALUE_CHARACTERS_MAX: usize = 256;

/// One request of an operator or of a producer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When the request came, in Unix milliseconds.
    pub at_ms: i64,
    /// The access log has the same id.
    pub request_id: String,
    /// Who sent the request: an IAM identity with its session, or an API key by its id.
    pub actor: String,
    /// The method and the route: `POST /v1/channels/{name}/pause`.
    pub action: String,
    /// The ids and names that the request is about, and the reason that it gives. See
    /// [`subject_value`].
    #[serde(default)]
    pub subject: BTreeMap<String, String>,
    /// The HTTP status of the answer. `None` while the request is worked on, and for ever if that
    /// ended before the answer: such a request may or may not have had its effect.
    #[serde(default)]
    pub status: Option<u16>,
}

impl AuditRecord {
    /// The day under which the record is listed, in UTC.
    #[must_use]
    pub fn day(&self) -> Date {
        day_of(self.at_ms)
    }

    /// The record's place in its day: by time, and then by the request's id.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{:013}#{}", self.at_ms, self.request_id)
    }

    /// How the request ended, in one word.
    #[must_use]
    pub fn result(&self) -> &'static str {
        match self.status {
            None => "begun",
            Some(..400) => "done",
            Some(400..500) => "refused",
            Some(500..) => "failed",
        }
    }
}

/// The day of a time, in UTC.
#[must_use]
pub fn day_of(at_ms: i64) -> Date {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).date()
}

/// An id or a name as a record keeps it. A caller may have put a phone number in its place: such a
/// number is masked.
#[must_use]
pub fn subject_value(text: &str) -> String {
    kept(text, VALUE_CHARACTERS_MAX)
}

/// A person's reason as a record keeps it: whole, if it is one that a route accepts.
#[must_use]
pub fn reason_value(text: &str) -> String {
    kept(text, REASON_CHARACTERS_MAX)
}

fn kept(text: &str, characters_max: usize) -> String {
    match PhoneNumber::try_from(text.to_owned()) {
        Ok(number) => number.to_string(),
        Err(_) => text.chars().take(characters_max).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(status: Option<u16>) -> AuditRecord {
        AuditRecord {
            at_ms: 1_772_413_200_137,
            request_id: "sGqkXrNUI_mI42w=".into(),
            actor: "arn:aws:sts::123456789012:assumed-role/operator/kim".into(),
            action: "POST /v1/channels/{name}/pause".into(),
            subject: BTreeMap::from([("name".into(), "alimtalk-main".into())]),
            status,
        }
    }

    #[test]
    fn records_are_listed_by_the_day_in_utc_and_in_the_order_of_time() {
        // 2026-03-02 10:00 in Seoul.
        assert_eq!(record(None).day().to_string(), "2026-03-02");
        let dawn = AuditRecord { at_ms: 1_772_380_800_000 - 1, ..record(None) };
        assert_eq!(dawn.day().to_string(), "2026-03-01", "8:59 in Seoul");
        assert!(dawn.place() < record(None).place());
        // The text order is the order of time, whatever the number of digits.
        let early = AuditRecord { at_ms: 999, ..record(None) };
        assert!(early.place() < dawn.place());
    }

    #[test]
    fn a_record_says_how_its_request_ended() {
        for (status, result) in [
            (None, "begun"),
            (Some(200), "done"),
            (Some(204), "done"),
            (Some(404), "refused"),
            (Some(422), "refused"),
            (Some(503), "failed"),
        ] {
            assert_eq!(record(status).result(), result);
        }
    }

    #[test]
    fn a_phone_number_in_the_place_of_an_id_is_masked() {
        for number in ["01012345678", "010-1234-5678", "+82 10 1234 5678"] {
            let kept = subject_value(number);
            assert!(kept.starts_with('*') && kept.ends_with("78"), "{kept}");
        }
        assert_eq!(subject_value("teacher-1"), "teacher-1");
        assert_eq!(subject_value(&"a".repeat(1000)).len(), VALUE_CHARACTERS_MAX);
    }
}
