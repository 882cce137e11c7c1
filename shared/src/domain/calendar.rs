//! Days and times of day that do not exist, in words.

use jiff::civil::Date;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Why a text that is written as a time, `yyyy-mm-ddThh:mm` and whatever follows, names no time.
/// `None` when the text is written in another way, or when its day and its time of day exist.
pub(super) fn impossible_time(text: &str) -> Option<String> {
    impossible_day(text).or_else(|| impossible_time_of_day(text))
}

fn impossible_day(text: &str) -> Option<String> {
    let year = number(text, 0, 4)?;
    let month = number(text, 5, 2)?;
    let day = number(text, 8, 2)?;
    if !separated(text, 4, b"-") || !separated(text, 7, b"-") {
        return None;
    }
    let Some(name) = usize::from(month).checked_sub(1).and_then(|index| MONTHS.get(index)) else {
        return Some(format!("has the month {month:02}; must be a month from 01 to 12"));
    };
    let (year, month) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?);
    let days = Date::new(year, month, 1).ok()?.days_in_month();
    if (1..=u16::from(days.unsigned_abs())).contains(&day) {
        return None;
    }
    Some(format!("is no day of the calendar: {name} {year} has the days 01 to {days}"))
}

fn impossible_time_of_day(text: &str) -> Option<String> {
    let hour = number(text, 11, 2)?;
    let minute = number(text, 14, 2)?;
    if !separated(text, 10, b"Tt ") || !separated(text, 13, b":") || (hour < 24 && minute < 60) {
        return None;
    }
    let must = "must be a time of day from 00:00 to 23:59";
    Some(format!("has the time {hour:02}:{minute:02}; {must}"))
}

/// The number that the digits of this part of a text make; `None` when the part has anything else.
fn number(text: &str, from: usize, digits: usize) -> Option<u16> {
    let part = text.as_bytes().get(from..from + digits)?;
    part.iter().try_fold(0, |number: u16, digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        Some(10 * number + digit)
    })
}

fn separated(text: &str, at: usize, by: &[u8]) -> bool {
    text.as_bytes().get(at).is_some_and(|byte| by.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_does_not_exist_is_named_with_the_days_of_its_month() {
        for (text, expected) in [
            (
                "2026-02-30T10:00:00Z",
                "is no day of the calendar: February 2026 has the days 01 to 28",
            ),
            ("2028-02-30T10:00", "is no day of the calendar: February 2028 has the days 01 to 29"),
            ("2026-04-31", "is no day of the calendar: April 2026 has the days 01 to 30"),
            ("2026-01-00T10:00", "is no day of the calendar: January 2026 has the days 01 to 31"),
            ("2026-13-01T10:00", "has the month 13; must be a month from 01 to 12"),
            ("2026-01-31T24:00", "has the time 24:00; must be a time of day from 00:00 to 23:59"),
            (
                "2026-01-31T10:60:00Z",
                "has the time 10:60; must be a time of day from 00:00 to 23:59",
            ),
        ] {
            assert_eq!(impossible_time(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_day_that_exists_and_a_text_that_is_no_time_have_no_cause() {
        for text in ["2028-02-29T23:59:59Z", "2026-12-31", "tomorrow", "", "오늘", "2026/02/30"] {
            assert_eq!(impossible_time(text), None, "{text}");
        }
    }
}
