//! Schedule expressions, as `EventBridge` Scheduler reads them: `cron(…)`, `rate(…)` and `at(…)`.
//!
//! What its documents do not say is refused, so that an expression means here what it means there:
//! steps of weekdays, years that run backwards, and `L`, `W` or `#` within a list.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::cron::Cron;

const MINUTE_S: i64 = 60;

/// What the API of `EventBridge` Scheduler takes, in characters.
const LONGEST: usize = 256;

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

/// Why an expression was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be {must}")]
pub struct BadExpression {
    /// The part at fault: `expression`, `cron`, `rate`, `at`, or a field of `cron(…)` such as
    /// `day-of-week`.
    pub field: &'static str,
    /// What it must be.
    pub must: String,
}

impl BadExpression {
    pub(crate) fn new(field: &'static str, must: impl Into<String>) -> Self {
        Self { field, must: must.into() }
    }
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// Names the part that is wrong, and what it must be.
    pub fn parse(text: &str) -> Result<Self, BadExpression> {
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
        // One spelling of the white space.
        let words: Vec<_> = inner.split_ascii_whitespace().collect();
        let text = format!("{name}({})", words.join(" "));
        if text.len() > LONGEST {
            return Err(BadExpression::new("expression", format!("{LONGEST} characters at most")));
        }
        Ok(Self { text, kind })
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it occurs once only: `at(…)`.
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

    /// The first occurrence after `after`; none when there is no further one.
    ///
    /// `zone` is where a cron expression's or `at(…)`'s times are local, and `anchor` is when a
    /// rate starts: its first occurrence.
    #[must_use]
    pub fn next_after(
        &self,
        after: Timestamp,
        zone: &TimeZone,
        anchor: Timestamp,
    ) -> Option<Timestamp> {
        self.occurrences(after, zone, anchor).next()
    }

    /// The occurrences after `after`, in order; for `zone` and `anchor` see
    /// [`next_after`](Self::next_after).
    ///
    /// A local time that the clocks leave out does not occur, and one that they repeat occurs
    /// the first time only. A rate counts elapsed time, whatever the clocks do. All occur at whole
    /// minutes, except that `at(…)` keeps its seconds.
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
                    // In an hour that is repeated, the first time may be over already.
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

/// The first instant at which the clocks show this; none when they skip it.
fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { .. } => return None,
        AmbiguousOffset::Fold { before, .. } => before,
    };
    offset.to_timestamp(local).ok()
}

fn next_of_rate(every_s: i64, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
    // Up to the whole minute: nothing occurs before the start.
    let anchor_ns = anchor.as_nanosecond();
    let start_s = i64::try_from(-(-anchor_ns).div_euclid(60_000_000_000)).ok()? * MINUTE_S;
    let start = Timestamp::from_second(start_s).ok()?;
    if after < start {
        return Some(start);
    }
    let rounds = after.duration_since(start).as_secs() / every_s + 1;
    start.checked_add(SignedDuration::from_secs(rounds.checked_mul(every_s)?)).ok()
}

fn not_an_expression() -> BadExpression {
    BadExpression::new(
        "expression",
        "cron(minutes hours day-of-month month day-of-week year), rate(value unit) or \
         at(yyyy-mm-ddThh:mm:ss)",
    )
}

/// The period in seconds. A day is 24 hours.
fn rate(text: &str) -> Result<i64, BadExpression> {
    let refused = || {
        BadExpression::new(
            "rate",
            format!(
                "a positive integer and one of minute, minutes, hour, hours, day, days, such as \
                 5 minutes, which {text:?} is not"
            ),
        )
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

fn at(text: &str) -> Result<DateTime, BadExpression> {
    let refused = || {
        BadExpression::new(
            "at",
            format!("an existing date and time as yyyy-mm-ddThh:mm:ss, which {text:?} is not"),
        )
    };
    // The parser takes other forms too, and a 61st second.
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
    type Err = BadExpression;

    fn from_str(text: &str) -> Result<Self, BadExpression> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Expression {
    type Error = BadExpression;

    fn try_from(text: String) -> Result<Self, BadExpression> {
        Self::parse(&text)
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.text
    }
}
