//! Compares cron expressions with a matcher that checks every minute.

use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use crate::domain::expression::Expression;
use crate::domain::hours::test_zones::{at, zone_and_instant};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A field whose value is a list.
#[derive(Clone, Debug)]
enum List {
    All,
    Of(Vec<Item>),
}

#[derive(Clone, Debug)]
enum Item {
    One(i32),
    Range(i32, i32),
    From(i32, i32),
    Every(i32),
    RangeEvery(i32, i32, i32),
}

/// The day fields.
#[derive(Clone, Debug)]
enum Day {
    OfMonth(List),
    Last,
    LastWorkday,
    NearestWorkday(i32),
    OfWeek(List),
    Saturday,
    LastOf(i32),
    Nth(i32, i32),
}

#[derive(Clone, Debug)]
struct Spec {
    minutes: List,
    hours: List,
    day: Day,
    months: List,
    years: List,
}

impl List {
    fn text(&self) -> String {
        match self {
            Self::All => "*".into(),
            Self::Of(items) => items.iter().map(Item::text).collect::<Vec<_>>().join(","),
        }
    }

    fn has(&self, value: i32, low: i32, high: i32) -> bool {
        match self {
            Self::All => (low..=high).contains(&value),
            Self::Of(items) => items.iter().any(|item| item.has(value, low, high)),
        }
    }
}

impl Item {
    fn text(&self) -> String {
        match self {
            Self::One(value) => format!("{value}"),
            Self::Range(from, to) => format!("{from}-{to}"),
            Self::From(from, step) => format!("{from}/{step}"),
            Self::Every(step) => format!("*/{step}"),
            Self::RangeEvery(from, to, step) => format!("{from}-{to}/{step}"),
        }
    }

    /// Walks from the start of the range, past the highest value to the lowest if necessary.
    fn has(&self, value: i32, low: i32, high: i32) -> bool {
        let (from, to, step) = match *self {
            Self::One(one) => (one, one, 1),
            Self::Range(from, to) => (from, to, 1),
            Self::From(from, step) => (from, high, step),
            Self::Every(step) => (low, high, step),
            Self::RangeEvery(from, to, step) => (from, to, step),
        };
        let (mut walker, mut steps) = (from, 0);
        loop {
            if walker == value && steps % step == 0 {
                return true;
            }
            if walker == to {
                return false;
            }
            walker = if walker == high { low } else { walker + 1 };
            steps += 1;
        }
    }
}

fn days_of(month: Date) -> Vec<Date> {
    month.first_of_month().series(1.day()).take_while(|day| day.month() == month.month()).collect()
}

/// 1 is Sunday.
fn weekday(date: Date) -> i32 {
    i32::from(date.weekday().to_sunday_one_offset())
}

fn is_workday(date: Date) -> bool {
    (2..=6).contains(&weekday(date))
}

impl Day {
    fn texts(&self) -> (String, String) {
        match self {
            Self::OfMonth(days) => (days.text(), "?".into()),
            Self::Last => ("L".into(), "?".into()),
            Self::LastWorkday => ("LW".into(), "?".into()),
            Self::NearestWorkday(day) => (format!("{day}W"), "?".into()),
            Self::OfWeek(days) => ("?".into(), days.text()),
            Self::Saturday => ("?".into(), "L".into()),
            Self::LastOf(day) => ("?".into(), format!("{day}L")),
            Self::Nth(day, nth) => ("?".into(), format!("{day}#{nth}")),
        }
    }

    fn has(&self, date: Date) -> bool {
        let month = days_of(date);
        let distance = |day: Date, from: i32| (i32::from(day.day()) - from).abs();
        match self {
            Self::OfMonth(days) => days.has(date.day().into(), 1, 31),
            Self::Last => month.last() == Some(&date),
            Self::LastWorkday => month.iter().rfind(|day| is_workday(**day)) == Some(&date),
            Self::NearestWorkday(day) => {
                let exists = usize::try_from(*day).unwrap() <= month.len();
                let workdays = month.into_iter().filter(|day| is_workday(*day));
                exists && workdays.min_by_key(|workday| distance(*workday, *day)) == Some(date)
            }
            Self::OfWeek(days) => days.has(weekday(date), 1, 7),
            Self::Saturday => weekday(date) == 7,
            Self::LastOf(day) => month.iter().rfind(|date| weekday(**date) == *day) == Some(&date),
            Self::Nth(day, nth) => {
                let nth = usize::try_from(*nth).unwrap();
                month.iter().filter(|date| weekday(**date) == *day).nth(nth - 1) == Some(&date)
            }
        }
    }
}

impl Spec {
    fn expression(&self) -> Expression {
        let (day_of_month, day_of_week) = self.day.texts();
        let (minutes, hours) = (self.minutes.text(), self.hours.text());
        let (months, years) = (self.months.text(), self.years.text());
        format!("cron({minutes} {hours} {day_of_month} {months} {day_of_week} {years})")
            .parse()
            .unwrap()
    }

    fn has_date(&self, date: Date) -> bool {
        self.months.has(date.month().into(), 1, 12)
            && self.years.has(date.year().into(), 1970, 2199)
            && self.day.has(date)
    }

    fn has(&self, local: DateTime) -> bool {
        self.minutes.has(local.minute().into(), 0, 59)
            && self.hours.has(local.hour().into(), 0, 23)
            && self.has_date(local.date())
    }

    /// The occurrences after `after` and up to `until`, minute by minute. A minute counts if the
    /// local clock did not show it, or a later one, before.
    fn brute_force(&self, after: Timestamp, until: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        let start = after.as_second().div_euclid(60) - 30 * 60;
        let mut latest = DateTime::MIN;
        let mut found = Vec::new();
        let mut at = Timestamp::from_second(start * 60).unwrap();
        while at <= until {
            let local = zone.to_datetime(at);
            if local > latest {
                latest = local;
                if at > after && self.has(local) {
                    found.push(at);
                }
            }
            at += MINUTE;
        }
        found
    }
}

fn item(low: i32, high: i32, wraps: bool) -> impl Strategy<Value = Item> {
    let range = (low..=high, low..=high)
        .prop_map(move |(from, to)| if wraps { (from, to) } else { (from.min(to), from.max(to)) });
    prop_oneof![
        (low..=high).prop_map(Item::One),
        range.clone().prop_map(|(from, to)| Item::Range(from, to)),
        (low..=high, 1..=70_i32).prop_map(|(from, step)| Item::From(from, step)),
        (1..=70_i32).prop_map(Item::Every),
        (range, 1..=10_i32).prop_map(|((from, to), step)| Item::RangeEvery(from, to, step)),
    ]
}

fn list(low: i32, high: i32) -> impl Strategy<Value = List> {
    let items = prop::collection::vec(item(low, high, low != 1970), 1..=3);
    prop_oneof![Just(List::All), items.prop_map(List::Of)]
}

fn day() -> impl Strategy<Value = Day> {
    let weekdays = prop_oneof![
        Just(List::All),
        prop::collection::vec(
            prop_oneof![
                (1..=7_i32).prop_map(Item::One),
                (1..=7_i32, 1..=7_i32).prop_map(|(from, to)| Item::Range(from, to)),
            ],
            1..=3
        )
        .prop_map(List::Of)
    ];
    prop_oneof![
        list(1, 31).prop_map(Day::OfMonth),
        Just(Day::Last),
        Just(Day::LastWorkday),
        (1..=31_i32).prop_map(Day::NearestWorkday),
        weekdays.prop_map(Day::OfWeek),
        Just(Day::Saturday),
        (1..=7_i32).prop_map(Day::LastOf),
        (1..=7_i32, 1..=5_i32).prop_map(|(day, nth)| Day::Nth(day, nth)),
    ]
}

/// An expression that occurs on most days.
fn frequent() -> impl Strategy<Value = Spec> {
    let days = prop_oneof![
        3 => Just(Day::OfMonth(List::All)),
        1 => day(),
    ];
    (list(0, 59), list(0, 23), days).prop_map(|(minutes, hours, day)| Spec {
        minutes,
        hours,
        day,
        months: List::All,
        years: List::All,
    })
}

/// An expression that occurs at most once a day.
fn rare() -> impl Strategy<Value = Spec> {
    (0..=59_i32, 0..=23_i32, day(), list(1, 12), list(1970, 2199)).prop_map(
        |(minute, hour, day, months, years)| Spec {
            minutes: List::Of(vec![Item::One(minute)]),
            hours: List::Of(vec![Item::One(hour)]),
            day,
            months,
            years,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(768))]

    #[test]
    fn every_matching_minute_occurs_once_across_changes_of_the_clock(
        spec in frequent(),
        (zone, after) in zone_and_instant(),
    ) {
        let until = after + MINUTE * (60 * 60);
        let expression = spec.expression();
        let occurrences: Vec<_> =
            expression.occurrences(after, &zone, after).take_while(|&at| at <= until).collect();
        prop_assert_eq!(occurrences, spec.brute_force(after, until, &zone), "{}", expression);
    }

    #[test]
    fn every_matching_date_occurs(spec in rare(), year in 1969..2201_i16) {
        let expression = spec.expression();
        let utc = TimeZone::UTC;
        let (start, end) = (date(year, 1, 1), date(year + 3, 1, 1));
        let expected: Vec<_> = start
            .series(1.day())
            .take_while(|&day| day < end)
            .filter(|&day| spec.has_date(day))
            .collect();
        let midnight = |day: Date| day.to_zoned(utc.clone()).unwrap().timestamp();
        let (after, until) = (midnight(start) - MINUTE, midnight(end));
        let occurrences: Vec<_> = expression
            .occurrences(after, &utc, after)
            .take_while(|&at| at < until)
            .map(|at| utc.to_datetime(at).date())
            .collect();
        prop_assert_eq!(occurrences, expected, "{}", expression);
    }

    #[test]
    fn next_after_and_occurrences_agree(
        spec in frequent(),
        (zone, after) in zone_and_instant(),
    ) {
        let expression = spec.expression();
        let asked = std::iter::successors(expression.next_after(after, &zone, after), |&last| {
            expression.next_after(last, &zone, after)
        });
        let walked = expression.occurrences(after, &zone, after);
        prop_assert!(asked.take(100).eq(walked.take(100)), "{}", expression);
    }

    #[test]
    fn an_expression_is_parsed_back_from_its_text(spec in rare()) {
        let expression = spec.expression();
        prop_assert_eq!(expression.to_string().parse(), Ok(expression));
    }
}

#[test]
fn a_year_has_all_its_minutes() {
    let expression: Expression = "cron(* * * * ? *)".parse().unwrap();
    let (after, utc) = (at("2025-12-31T23:59:00Z"), TimeZone::UTC);
    let year = expression.occurrences(after, &utc, after);
    let year = year.take_while(|&occurrence| occurrence < at("2027-01-01T00:00Z"));
    assert_eq!(year.count(), 525_600);
}

#[test]
fn a_date_that_does_not_exist_does_not_occur() {
    let after = at("1970-01-01T00:00Z");
    for never in [
        "cron(* * 30 2 ? *)",
        "cron(* * 31 APR,JUN,SEP,NOV ? *)",
        "cron(* * 29 2 ? 2100)",
        "cron(* * 30W 2 ? *)",
        "cron(0 0 ? 2 1#5 2031)",
        "cron(0 0 1 1 ? 1970)",
    ] {
        let expression: Expression = never.parse().unwrap();
        assert_eq!(expression.next_after(after, &TimeZone::UTC, after), None, "{never}");
    }
}
