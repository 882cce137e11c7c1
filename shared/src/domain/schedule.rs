//! Schedules: when which template goes to whom.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::channel::is_name;
use super::expression::Expression;
use super::notification::Priority;
use super::zone::{MUST_BE_A_ZONE, zone};

/// A send time that lives in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its name, unique in the stack.
    #[serde(default)]
    pub name: String,
    /// When: `cron(…)`, `rate(…)` or `at(…)`.
    pub expression: Expression,
    /// IANA zone in which the expression is read.
    #[serde(default = "seoul")]
    pub timezone: String,
    /// What: the template's name.
    pub template: String,
    /// Whom: the audience's name.
    pub audience: String,
    /// The messages' place in the lane's order, where it is not the minute of the day. Not 0, which
    /// is for what has just happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Whether it runs at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What to do with a run that is late.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// What to do about times outside the window.
    #[serde(default)]
    pub outside_window: OutsideWindow,
    /// From when on it holds; the first time of a `rate`. Set when it is first saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
}

fn seoul() -> String {
    "Asia/Seoul".to_owned()
}

fn yes() -> bool {
    true
}

/// What to do with a run that starts late, after an outage for instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// Run it, however late. The window still holds.
    #[default]
    Run,
    /// Leave it out, and say so in its record.
    Skip,
}

/// What to do about a schedule whose times lie outside the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideWindow {
    /// Refuse to save it.
    #[default]
    Refuse,
    /// Save it; its messages wait for the window.
    Defer,
}

impl Schedule {
    /// A run that starts this long after its time, in milliseconds, is late.
    pub const LATE_MS: i64 = 15 * 60 * 1000;

    /// The zone of its times; `None` when there is no such zone.
    #[must_use]
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.timezone).ok()
    }

    /// The place in the lane's order of a run's messages: the minute of the day in the schedule's
    /// zone, unless it is configured. Never that of real-time messages, which no hours hold for: a
    /// row that was edited by hand may ask for it.
    #[must_use]
    pub fn priority_at(&self, scheduled_at: Timestamp) -> Priority {
        let minute_of_day = || {
            let local = scheduled_at.to_zoned(self.zone().unwrap_or(TimeZone::UTC));
            let minutes = 60 * i16::from(local.hour()) + i16::from(local.minute());
            Priority::scheduled(u16::try_from(minutes).unwrap_or(0))
        };
        let configured = self.priority.filter(|priority| *priority > Priority::REAL_TIME);
        configured.unwrap_or_else(minute_of_day)
    }

    /// Whether nobody can say what its times are counted from: it is a `rate` whose row was written
    /// by hand.
    #[must_use]
    pub fn has_no_first_time(&self) -> bool {
        self.expression.is_rate() && self.starts_at.is_none()
    }

    /// Its next time after `after`.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let zone = self.zone()?;
        self.times_after(after, &zone).next()
    }

    /// Its times after `after`, in order; `zone` is the schedule's own.
    pub fn times_after<'a>(
        &'a self,
        after: Timestamp,
        zone: &'a TimeZone,
    ) -> impl Iterator<Item = Timestamp> + use<'a> {
        let starts_at = self.starts_at.unwrap_or(after);
        // Nothing happens before it starts; a `rate`'s first time is the start itself.
        let just_before = jiff::SignedDuration::from_nanos(1);
        let after = match starts_at.checked_sub(just_before) {
            Ok(before) => after.max(before),
            Err(_) => after,
        };
        self.expression.occurrences(after, zone, starts_at)
    }

    /// What is wrong with it by itself: the field and what it must be. Whether its template and
    /// audience exist, and its window, is for those to say who can look.
    #[must_use]
    pub fn faults(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, field, must: &str| {
            if !holds {
                faults.push((field, must.to_owned()));
            }
        };
        require(is_name(&self.name), "name", "must be 1 to 64 of a-z, 0-9 and -");
        require(zone(&self.timezone).is_some(), "timezone", MUST_BE_A_ZONE);
        require(
            self.priority
                .is_none_or(|priority| priority > Priority::REAL_TIME && priority.0 < 10_000),
            "priority",
            "must be 1 to 9999: 0 is for real-time messages",
        );
        require(
            self.zone().is_none() || !self.enabled || self.next_after(now).is_some(),
            "expression",
            "must have a time in the future",
        );
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(expression: &str) -> Schedule {
        serde_json::from_value(serde_json::json!({
            "name": "daily", "expression": expression, "template": "t", "audience": "a",
        }))
        .expect("a schedule")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn messages_take_the_minute_of_the_day_in_the_schedules_zone() {
        let ten = at("2026-03-02T10:00+09:00");
        assert_eq!(schedule("cron(0 10 * * ? *)").priority_at(ten), Priority(601));
        let utc = Schedule { timezone: "UTC".into(), ..schedule("cron(0 1 * * ? *)") };
        assert_eq!(utc.priority_at(ten), Priority(61));
        let own = Schedule { priority: Some(Priority(5)), ..schedule("cron(0 10 * * ? *)") };
        assert_eq!(own.priority_at(ten), Priority(5));
        let real_time = Some(Priority::REAL_TIME);
        let by_hand = Schedule { priority: real_time, ..schedule("cron(0 10 * * ? *)") };
        assert_eq!(by_hand.priority_at(ten), Priority(601));
    }

    #[test]
    fn nothing_happens_before_it_starts() {
        let starts_at = Some(at("2026-03-02T10:00+09:00"));
        let daily = Schedule { starts_at, ..schedule("rate(1 day)") };
        assert_eq!(daily.next_after(at("2026-01-01T00:00Z")), starts_at);
        assert_eq!(
            daily.next_after(at("2026-03-02T10:00+09:00")),
            Some(at("2026-03-03T10:00+09:00"))
        );
    }

    #[test]
    fn each_fault_is_named_by_its_field() {
        type Change = fn(&mut Schedule);
        let now = at("2026-03-02T10:00+09:00");
        assert_eq!(schedule("cron(0 10 * * ? *)").faults(now), []);
        let cases: [(Change, &str); 6] = [
            (|s| s.name = "A b".into(), "name"),
            (|s| s.timezone = "Seoul".into(), "timezone"),
            (|s| s.timezone = "asia/seoul".into(), "timezone"),
            (|s| s.timezone = "Etc/Unknown".into(), "timezone"),
            (|s| s.priority = Some(Priority::REAL_TIME), "priority"),
            (
                |s| s.expression = Expression::parse("at(2020-01-01T10:00:00)").expect("at"),
                "expression",
            ),
        ];
        for (change, field) in cases {
            let mut faulty = schedule("cron(0 10 * * ? *)");
            change(&mut faulty);
            let fields: Vec<_> = faulty.faults(now).into_iter().map(|(field, _)| field).collect();
            assert_eq!(fields, [field]);
        }
    }
}
