//! Schedule expressions, as `EventBridge` Scheduler reads them: `cron(…)`, `rate(…)` and `at(…)`.
//!
//! An expression must mean the same here and there. So forms that its documents do not describe
//! are refused: steps of weekdays, descending years, and `L`, `W` or `#` within a list.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use jiff::civil::{DateTime, datetime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::calendar::impossible_time;
use super::cron::Cron;
use super::field_error::FieldError;

const MINUTE_S: i64 = 60;

/// Before every year that an expression can name.
const BEFORE_ALL_YEARS: DateTime = datetime(1969, 12, 31, 23, 59, 0, 0);

/// The API of `EventBridge` Scheduler accepts no longer expression.
const CHARACTERS_MAX: usize = 256;

/// When a schedule runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Cron(Cron),
    Rate { every_s: i64 },
    At(DateTime),
}

/// Why an expression has no occurrence after some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoNextTime {
    /// No year that it names has the days that it names, as with February 30.
    NoSuchDay,
    /// Its occurrences are over.
    Past,
    /// The local clock skips its occurrences.
    Skipped,
}

impl Expression {
    /// Parses an expression. An error names the part at fault: `expression`, `cron`, `rate`, `at`,
    /// or a field of `cron(…)` such as `day-of-week`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let (name, inner) = text
            .trim()
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .ok_or_else(not_an_expression)?;
        let kind = match name {
            "cron" => Kind::Cron(Cron::parse(inner)?),
            "rate" => Kind::Rate { every_s: rate(inner)? },
            "at" => Kind::At(at(inner)?),
            _ => return Err(not_an_expression()),
        };
        // Equal expressions have equal texts: words are separated by one space.
        let words: Vec<_> = inner.split_ascii_whitespace().collect();
        let text = format!("{name}({})", words.join(" "));
        if text.len() > CHARACTERS_MAX {
            let characters = text.len();
            let detail = format!("has {characters} characters; must have at most {CHARACTERS_MAX}");
            return Err(FieldError::new("expression", detail));
        }
        Ok(Self { text, kind })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it occurs only once: `at(…)`.
    #[must_use]
    pub fn is_once(&self) -> bool {
        match self.kind {
            Kind::At(_) => true,
            Kind::Cron(_) | Kind::Rate { .. } => false,
        }
    }

    /// Whether its occurrences are counted from its start: `rate(…)`.
    #[must_use]
    pub fn is_rate(&self) -> bool {
        match self.kind {
            Kind::Rate { .. } => true,
            Kind::Cron(_) | Kind::At(_) => false,
        }
    }

    /// The first occurrence after `after`.
    ///
    /// The times of `cron(…)` and `at(…)` are local times in `zone`. A `rate(…)` first occurs at
    /// `anchor`.
    #[must_use]
    pub fn next_after(
        &self,
        after: Timestamp,
        zone: &TimeZone,
        anchor: Timestamp,
    ) -> Option<Timestamp> {
        self.occurrences(after, zone, anchor).next()
    }

    /// Why there is no occurrence after `after`, where there is none.
    #[must_use]
    pub fn why_never(&self, after: Timestamp, zone: &TimeZone) -> NoNextTime {
        let local = zone.to_datetime(after);
        match &self.kind {
            Kind::At(at) if *at > local => NoNextTime::Skipped,
            Kind::Cron(cron) if cron.next_after(BEFORE_ALL_YEARS).is_none() => {
                NoNextTime::NoSuchDay
            }
            Kind::Cron(cron) if cron.next_after(local).is_some() => NoNextTime::Skipped,
            // A rate ends only with the calendar.
            Kind::At(_) | Kind::Cron(_) | Kind::Rate { .. } => NoNextTime::Past,
        }
    }

    /// The occurrences after `after`, in order; for `zone` and `anchor` see
    /// [`next_after`](Self::next_after).
    ///
    /// A local time that the clock skips does not occur. A local time that the clock repeats occurs
    /// only the first time. A rate counts elapsed time, whatever the local clock does. Occurrences
    /// are at whole minutes, except that `at(…)` keeps its seconds.
    pub fn occurrences<'a>(
        &'a self,
        after: Timestamp,
        zone: &'a TimeZone,
        anchor: Timestamp,
    ) -> impl Iterator<Item = Timestamp> + use<'a> {
        let mut local = zone.to_datetime(after);
        let mut last = after;
        std::iter::from_fn(move || {
            match &self.kind {
                Kind::Cron(cron) => loop {
                    local = cron.next_after(local)?;
                    // In a repeated hour, the first of the two times may have passed.
                    if let Some(at) = instant(local, zone).filter(|&at| at > last) {
                        last = at;
                        break;
                    }
                },
                Kind::Rate { every_s } => last = next_of_rate(*every_s, anchor, last)?,
                Kind::At(at) => last = instant(*at, zone).filter(|&at| at > last)?,
            }
            Some(last)
        })
    }
}

/// The first instant at which the local clock shows this time; `None` when the clock skips it.
fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { .. } => return None,
        AmbiguousOffset::Fold { before, .. } => before,
    };
    offset.to_timestamp(local).ok()
}

fn next_of_rate(every_s: i64, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
    // The first whole minute at or after the anchor: nothing occurs before the anchor.
    let anchor_ns = anchor.as_nanosecond();
    let start_s = i64::try_from(-(-anchor_ns).div_euclid(60_000_000_000)).ok()? * MINUTE_S;
    let start = Timestamp::from_second(start_s).ok()?;
    if after < start {
        return Some(start);
    }
    let rounds = after.duration_since(start).as_secs() / every_s + 1;
    start.checked_add(SignedDuration::from_secs(rounds.checked_mul(every_s)?)).ok()
}

fn not_an_expression() -> FieldError {
    FieldError::new(
        "expression",
        "must be cron(minutes hours day-of-month month day-of-week year), rate(value unit) or \
         at(yyyy-mm-ddThh:mm:ss)",
    )
}

/// The period in seconds. A day is 24 hours.
fn rate(text: &str) -> Result<i64, FieldError> {
    let refused = || {
        let detail = format!(
            "is {text:?}; must be a positive integer and one of minute, minutes, hour, hours, \
             day, days, such as 5 minutes"
        );
        FieldError::new("rate", detail)
    };
    let words: Vec<_> = text.split_ascii_whitespace().collect();
    let [value, unit] = words[..] else { return Err(refused()) };
    let unit_s = match unit {
        "minute" | "minutes" => MINUTE_S,
        "hour" | "hours" => 60 * MINUTE_S,
        "day" | "days" => 24 * 60 * MINUTE_S,
        _ => return Err(refused()),
    };
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let value = value.parse::<u32>().ok().filter(|&value| digits && value > 0);
    value.map(|value| i64::from(value) * unit_s).ok_or_else(refused)
}

fn at(text: &str) -> Result<DateTime, FieldError> {
    let refused = || {
        let detail = impossible_time(text)
            .unwrap_or_else(|| format!("is {text:?}; must be a local time as yyyy-mm-ddThh:mm:ss"));
        FieldError::new("at", detail)
    };
    // The parser accepts other forms too, and a 61st second.
    let form = "dddd-dd-ddTdd:dd:dd";
    let fits = text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        });
    if !fits || text.ends_with("60") {
        return Err(refused());
    }
    text.parse().map_err(|_| refused())
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Expression {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Expression {
    type Error = FieldError;

    fn try_from(text: String) -> Result<Self, FieldError> {
        Self::parse(&text)
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.text
    }
}
