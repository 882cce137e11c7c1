//! The six fields of a cron expression, and the local times that they name. Time zones are applied
//! elsewhere.

#[cfg(test)]
mod tests;

use jiff::civil::{Date, DateTime, Weekday};

use super::field_error::FieldError;

/// The values that a field of a cron expression may have.
struct Field {
    name: &'static str,
    low: i16,
    high: i16,
    /// Names of the values, starting with the lowest value.
    names: &'static [&'static str],
    /// Whether the field may contain `/`.
    has_steps: bool,
    /// Whether a range may pass the highest value and continue at the lowest: `22-2`.
    wraps: bool,
    /// Completes "must be …".
    allowed: &'static str,
}

const MINUTES: Field = Field {
    name: "minutes",
    low: 0,
    high: 59,
    names: &[],
    has_steps: true,
    wraps: true,
    allowed: "0 to 59 with the wildcards , - * /",
};
const HOURS: Field = Field {
    name: "hours",
    low: 0,
    high: 23,
    names: &[],
    has_steps: true,
    wraps: true,
    allowed: "0 to 23 with the wildcards , - * /",
};
const DAY_OF_MONTH: Field = Field {
    name: "day-of-month",
    low: 1,
    high: 31,
    names: &[],
    has_steps: true,
    wraps: true,
    allowed: "1 to 31 with the wildcards , - * /, or one of ?, L, LW, 15W",
};
const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    has_steps: true,
    wraps: true,
    allowed: "1 to 12 or JAN to DEC with the wildcards , - * /",
};
const DAY_OF_WEEK: Field = Field {
    name: "day-of-week",
    low: 1,
    high: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    has_steps: false,
    wraps: true,
    allowed: "1 to 7 or SUN to SAT with the wildcards , - *, or one of ?, L, 6L, 6#3",
};
const YEAR: Field = Field {
    name: "year",
    low: 1970,
    high: 2199,
    names: &[],
    has_steps: true,
    wraps: false,
    allowed: "1970 to 2199 with the wildcards , - * /",
};

/// The local times at which a cron expression runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cron {
    // Each list is sorted and not empty, and has no duplicates.
    minutes: Vec<i8>,
    hours: Vec<i8>,
    months: Vec<i8>,
    years: Vec<i16>,
    days: Days,
}

/// The days of a month, as the day field that is not `?` names them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<i8>),
    LastOfMonth,
    LastWorkday,
    WorkdayNearest(i8),
    OfWeek(Vec<Weekday>),
    LastOfWeekday(Weekday),
    NthOfWeekday(i8, Weekday),
}

impl Cron {
    /// Parses the text between the parentheses of `cron(…)`.
    pub(super) fn parse(fields: &str) -> Result<Self, FieldError> {
        let fields: Vec<_> = fields.split_ascii_whitespace().collect();
        let [minutes, hours, day_of_month, month, day_of_week, year] = fields[..] else {
            let detail = format!(
                "has a field count of {}; must be 6: minutes hours day-of-month month day-of-week \
                 year",
                fields.len()
            );
            return Err(FieldError::new("cron", detail));
        };
        Ok(Self {
            minutes: small(MINUTES.values(minutes)?),
            hours: small(HOURS.values(hours)?),
            months: small(MONTH.values(month)?),
            years: YEAR.values(year)?,
            days: Days::parse(day_of_month, day_of_week)?,
        })
    }

    /// The first time after this one; `None` when the years or the calendar end before it.
    pub(super) fn next_after(&self, after: DateTime) -> Option<DateTime> {
        let date = after.date();
        let (hour, minute) = (after.hour(), after.minute());
        if self.runs_on(date) {
            let this_hour = self.hours.binary_search(&hour).is_ok();
            if let Some(minute) = above(&self.minutes, minute).filter(|_| this_hour) {
                return Some(date.at(hour, minute, 0, 0));
            }
            if let Some(hour) = above(&self.hours, hour) {
                return Some(date.at(hour, *self.minutes.first()?, 0, 0));
            }
        }
        let date = self.next_matching_date_after(date)?;
        Some(date.at(*self.hours.first()?, *self.minutes.first()?, 0, 0))
    }

    fn runs_on(&self, date: Date) -> bool {
        self.years.binary_search(&date.year()).is_ok()
            && self.months.binary_search(&date.month()).is_ok()
            && self.days.contain(date)
    }

    /// Goes through the months that the expression names. There are a few thousand at most, so the
    /// search also ends for a date that does not exist.
    fn next_matching_date_after(&self, date: Date) -> Option<Date> {
        let from = date.tomorrow().ok()?;
        let years = &self.years[self.years.partition_point(|&year| year < from.year())..];
        let months = years
            .iter()
            .flat_map(|&year| self.months.iter().map(move |&month| Date::new(year, month, 1)));
        months.filter_map(Result::ok).find_map(|first| {
            std::iter::successors(Some(first.max(from)), |day| day.tomorrow().ok())
                .take_while(|&day| day <= first.last_of_month())
                .find(|&day| self.days.contain(day))
        })
    }
}

impl Days {
    fn parse(day_of_month: &str, day_of_week: &str) -> Result<Self, FieldError> {
        match (day_of_month, day_of_week) {
            ("?", "?") => Err(FieldError::new(
                DAY_OF_MONTH.name,
                "is ?, and so is day-of-week; exactly one of the two must be ?",
            )),
            (days, "?") => Self::of_month(days),
            ("?", days) => Self::of_week(days),
            _ => Err(FieldError::new(
                DAY_OF_WEEK.name,
                "must be ? when day-of-month is not ?, even when it is *",
            )),
        }
    }

    fn of_month(text: &str) -> Result<Self, FieldError> {
        if let Some(day) = text.strip_suffix('W') {
            return match day {
                "L" => Ok(Self::LastWorkday),
                day => Ok(Self::WorkdayNearest(small_value(DAY_OF_MONTH.value(day, text)?))),
            };
        }
        match text {
            "L" => Ok(Self::LastOfMonth),
            days => Ok(Self::OfMonth(small(DAY_OF_MONTH.values(days)?))),
        }
    }

    fn of_week(text: &str) -> Result<Self, FieldError> {
        let weekday = |day: &str| DAY_OF_WEEK.value(day, text).and_then(weekday);
        if let Some((day, nth)) = text.split_once('#') {
            let nth = match nth {
                "1" => 1,
                "2" => 2,
                "3" => 3,
                "4" => 4,
                "5" => 5,
                _ => return Err(DAY_OF_WEEK.refused(text)),
            };
            return Ok(Self::NthOfWeekday(nth, weekday(day)?));
        }
        match text.strip_suffix('L') {
            // `L` alone is the last day of the week.
            Some("") => Ok(Self::OfWeek(vec![Weekday::Saturday])),
            Some(day) => Ok(Self::LastOfWeekday(weekday(day)?)),
            None => {
                let days = DAY_OF_WEEK.values(text)?;
                days.into_iter().map(self::weekday).collect::<Result<_, _>>().map(Self::OfWeek)
            }
        }
    }

    fn contain(&self, date: Date) -> bool {
        match self {
            Self::OfMonth(days) => days.binary_search(&date.day()).is_ok(),
            Self::LastOfMonth => date.day() == date.days_in_month(),
            Self::LastWorkday => Some(date) == workday_nearest(date.last_of_month()),
            // A month without this day has no nearest workday either.
            Self::WorkdayNearest(day) => {
                date.with().day(*day).build().is_ok_and(|day| Some(date) == workday_nearest(day))
            }
            Self::OfWeek(days) => days.contains(&date.weekday()),
            Self::LastOfWeekday(day) => {
                date.weekday() == *day && date.day() + 7 > date.days_in_month()
            }
            Self::NthOfWeekday(nth, day) => {
                date.weekday() == *day && (date.day() - 1) / 7 + 1 == *nth
            }
        }
    }
}

/// The nearest day of Monday to Friday in the same month.
fn workday_nearest(date: Date) -> Option<Date> {
    match date.weekday() {
        Weekday::Saturday if date.day() == 1 => date.tomorrow().ok()?.tomorrow().ok(),
        Weekday::Saturday => date.yesterday().ok(),
        Weekday::Sunday if date.day() == date.days_in_month() => {
            date.yesterday().ok()?.yesterday().ok()
        }
        Weekday::Sunday => date.tomorrow().ok(),
        Weekday::Monday
        | Weekday::Tuesday
        | Weekday::Wednesday
        | Weekday::Thursday
        | Weekday::Friday => Some(date),
    }
}

impl Field {
    /// The values of a list of numbers, ranges and steps, in order.
    fn values(&self, text: &str) -> Result<Vec<i16>, FieldError> {
        if text == "*" {
            return Ok((self.low..=self.high).collect());
        }
        let mut values = Vec::new();
        for item in text.split(',') {
            self.add_item(item, text, &mut values)?;
        }
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }

    fn add_item(&self, item: &str, text: &str, into: &mut Vec<i16>) -> Result<(), FieldError> {
        let (base, step) = match item.split_once('/') {
            None => (item, None),
            Some((base, step)) if self.has_steps => (base, Some(step)),
            Some(_) => return Err(self.refused(text)),
        };
        let (from, to) = match (base.split_once('-'), step) {
            (Some((from, to)), _) => (self.value(from, text)?, self.value(to, text)?),
            (None, None) => {
                let value = self.value(base, text)?;
                (value, value)
            }
            (None, Some(_)) if base == "*" => (self.low, self.high),
            // `5/10` starts at 5.
            (None, Some(_)) => (self.value(base, text)?, self.high),
        };
        if from > to && !self.wraps {
            return Err(self.refused(text));
        }
        let step = match step {
            None => 1,
            Some(step) => {
                number(step).filter(|&step| step > 0).ok_or_else(|| self.refused(text))?
            }
        };
        let round = self.high - self.low + 1;
        let last = if from > to { to + round } else { to };
        let values = (from..=last).step_by(usize::from(step.unsigned_abs()));
        into.extend(values.map(|value| if value > self.high { value - round } else { value }));
        Ok(())
    }

    /// Parses a single number or name.
    fn value(&self, value: &str, text: &str) -> Result<i16, FieldError> {
        let named = || {
            let names = self.names.iter().zip(self.low..);
            names
                .filter(|(name, _)| name.eq_ignore_ascii_case(value))
                .map(|(_, value)| value)
                .next()
        };
        number(value)
            .or_else(named)
            .filter(|value| (self.low..=self.high).contains(value))
            .ok_or_else(|| self.refused(text))
    }

    fn refused(&self, text: &str) -> FieldError {
        FieldError::new(self.name, format!("is {text:?}; must be {}", self.allowed))
    }
}

/// Parses one to four digits.
fn number(text: &str) -> Option<i16> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn weekday(value: i16) -> Result<Weekday, FieldError> {
    Weekday::from_sunday_one_offset(small_value(value))
        .map_err(|_| DAY_OF_WEEK.refused(&value.to_string()))
}

fn small(values: Vec<i16>) -> Vec<i8> {
    values.into_iter().map(small_value).collect()
}

/// A value of a field whose values are at most 59.
fn small_value(value: i16) -> i8 {
    i8::try_from(value).unwrap_or(i8::MAX)
}

/// The smallest of the sorted values above `limit`.
fn above(values: &[i8], limit: i8) -> Option<i8> {
    values.get(values.partition_point(|&value| value <= limit)).copied()
}
