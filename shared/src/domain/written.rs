//! Times and durations as people write them in requests and documents. The errors say how to write
//! them.

use std::fmt;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::calendar::impossible_time;

const TIME: &str =
    "a time with its offset, such as 2026-03-02T10:00:00+09:00 or 2026-03-02T01:00:00Z";
const DURATION: &str = "a duration, such as 500ms, 30s, 5m, 1h or PT30M";

/// Reads a time: `#[serde(deserialize_with = "written::time")]`.
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    deserializer.deserialize_str(Written { expected: TIME, parse: parse_time })
}

/// Reads a time that may be absent or null.
pub fn optional_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let time = Option::<Time>::deserialize(deserializer)?;
    Ok(time.map(|Time(at)| at))
}

/// Reads a duration.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
    deserializer.deserialize_str(Written { expected: DURATION, parse: parse_duration })
}

/// Reads a duration that may be absent or null.
pub fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SignedDuration>, D::Error> {
    let duration = Option::<Duration>::deserialize(deserializer)?;
    Ok(duration.map(|Duration(duration)| duration))
}

#[derive(serde::Deserialize)]
struct Time(#[serde(deserialize_with = "time")] Timestamp);

#[derive(serde::Deserialize)]
struct Duration(#[serde(deserialize_with = "duration")] SignedDuration);

/// Reads a text by `parse`.
struct Written<T> {
    /// Completes "must be …".
    expected: &'static str,
    /// The error is what is wrong, and what to write instead.
    parse: fn(&str) -> Result<T, String>,
}

impl<T> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        if let Some(cause) = impossible_time(text) {
            cause
        } else if text.parse::<DateTime>().is_ok() {
            format!("has no offset; must be {TIME}")
        } else {
            format!("must be {TIME}")
        }
    })
}

fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    text.parse().map_err(|_| format!("must be {DURATION}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fault<T>(read: Result<T, serde_json::Error>) -> String {
        read.err().expect("a fault").to_string()
    }

    #[test]
    fn a_time_needs_its_offset_and_a_day_of_the_calendar() {
        let at = time(json!("2026-03-02T10:00:00+09:00")).expect("a time");
        assert_eq!(at.to_string(), "2026-03-02T01:00:00Z");
        for (text, start) in [
            ("2026-03-02T10:00:00", "has no offset; must be a time with its offset"),
            ("2026-03-02", "has no offset; must be a time with its offset"),
            ("2026-02-30T10:00:00Z", "is no day of the calendar: February 2026"),
            ("2026-03-02T24:00:00Z", "has the time 24:00"),
            ("tomorrow", "must be a time with its offset, such as 2026-03-02T10:00:00+09:00"),
            ("", "must be a time with its offset"),
        ] {
            let fault = fault(time(json!(text)));
            assert!(fault.starts_with(start), "{text}: {fault}");
        }
    }

    #[test]
    fn the_error_of_a_duration_says_how_to_write_one() {
        for (text, ms) in [("50ms", 50), ("3s", 3000), ("PT30M", 1_800_000), ("1h", 3_600_000)] {
            assert_eq!(duration(json!(text)).expect("a duration").as_millis(), ms, "{text}");
        }
        for text in ["soon", "", "5", "99999999999999999999h", "-"] {
            assert_eq!(fault(duration(json!(text))), format!("must be {DURATION}"), "{text}");
        }
    }

    #[test]
    fn null_is_an_absent_time_and_an_absent_duration() {
        assert_eq!(optional_time(Value::Null).expect("none"), None);
        assert_eq!(optional_duration(Value::Null).expect("none"), None);
        assert!(optional_time(json!("2026-03-02T01:00:00Z")).expect("a time").is_some());
        assert!(optional_duration(json!("1s")).expect("a duration").is_some());
    }
}
