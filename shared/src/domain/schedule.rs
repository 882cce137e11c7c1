//! Schedules: at which times a template's messages go to an audience.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::expression::{Expression, NoNextTime};
use super::field_error::FieldError;
use super::name::{MUST_BE_A_NAME, is_name};
use super::priority::Priority;
use super::producer::Producer;
use super::written;
use super::zone::{MUST_BE_A_ZONE, local_time, zone};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Unique in the stack.
    #[serde(default)]
    pub name: String,
    pub expression: Expression,
    /// IANA zone of the expression's local times.
    #[serde(default = "seoul")]
    pub timezone: String,
    /// The template's name.
    pub template: String,
    /// The channel that the messages leave over. By default it is that of the template's first
    /// variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The audience's name.
    pub audience: String,
    /// The producer that the messages belong to. By default they belong to
    /// [`Producer::SCHEDULES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// The messages' priority. By default it follows from the minute of the day. Must not be 0,
    /// which is the priority of real-time messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default)]
    pub catch_up: CatchUp,
    #[serde(default)]
    pub outside_window: OutsideWindow,
    /// The schedule has no times before this. A `rate` has its first time here. Set when the
    /// schedule is first saved.
    #[serde(
        default,
        deserialize_with = "written::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub starts_at: Option<Timestamp>,
}

fn seoul() -> String {
    "Asia/Seoul".to_owned()
}

fn yes() -> bool {
    true
}

/// What to do with a run that starts late, for example after an outage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// Run it, however late. Its messages still wait for their window.
    #[default]
    Run,
    /// Skip it, and record the run as missed.
    Skip,
}

/// What to do about a schedule with times outside the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutsideWindow {
    /// Refuse to save the schedule.
    #[default]
    Refuse,
    /// Save the schedule. Its messages wait for the window.
    Defer,
}

impl Schedule {
    /// A run is late if it starts this long after its time.
    pub const LATE_MS: i64 = 15 * 60 * 1000;

    /// The zone of the schedule's times; `None` when there is no such zone.
    #[must_use]
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.timezone).ok()
    }

    /// A time in the schedule's zone, as operators read it.
    #[must_use]
    pub fn local_time(&self, at: Timestamp) -> String {
        local_time(at, &self.zone().unwrap_or(TimeZone::UTC))
    }

    /// The name of the producer that a run's messages belong to.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.producer.as_deref().unwrap_or(Producer::SCHEDULES)
    }

    /// The priority of a run's messages: the configured one, or the minute of the day in the
    /// schedule's zone.
    ///
    /// Never the priority of real-time messages, to which no sending hours apply. A row that was
    /// edited by hand may ask for that priority.
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

    /// Whether the schedule is a `rate` without a first time, so that its times are not defined.
    /// This happens only to rows that were written by hand.
    #[must_use]
    pub fn has_no_first_time(&self) -> bool {
        self.expression.is_rate() && self.starts_at.is_none()
    }

    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let zone = self.zone()?;
        self.times_after(after, &zone).next()
    }

    /// The schedule's times after `after`, in order. `zone` is the schedule's own zone.
    pub fn times_after<'a>(
        &'a self,
        after: Timestamp,
        zone: &'a TimeZone,
    ) -> impl Iterator<Item = Timestamp> + use<'a> {
        let starts_at = self.starts_at.unwrap_or(after);
        // The schedule has no times before its start. A `rate` has its first time at the start.
        let just_before = jiff::SignedDuration::from_nanos(1);
        let after = match starts_at.checked_sub(just_before) {
            Ok(before) => after.max(before),
            Err(_) => after,
        };
        self.expression.occurrences(after, zone, starts_at)
    }

    /// What has to be changed before the schedule can be saved, whatever its template, its audience
    /// and the sending windows are.
    #[must_use]
    pub fn faults(&self, now: Timestamp) -> Vec<FieldError> {
        let is_real_time = self.priority == Some(Priority::REAL_TIME);
        [
            FieldError::unless(is_name(&self.name), "name", MUST_BE_A_NAME),
            FieldError::unless(
                self.channel.as_deref().is_none_or(is_name),
                "channel",
                MUST_BE_A_NAME,
            ),
            FieldError::unless(
                self.producer.as_deref().is_none_or(is_name),
                "producer",
                MUST_BE_A_NAME,
            ),
            FieldError::unless(is_name(&self.template), "template", MUST_BE_A_NAME),
            FieldError::unless(is_name(&self.audience), "audience", MUST_BE_A_NAME),
            FieldError::unless(zone(&self.timezone).is_some(), "timezone", MUST_BE_A_ZONE),
            FieldError::unless(
                !is_real_time,
                "priority",
                format!("is 0; must be 1 to {}: 0 is for real-time messages", Priority::MAX),
            ),
            self.no_next_time(now),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The fault of an enabled schedule that has no time in the future, with its cause.
    fn no_next_time(&self, now: Timestamp) -> Option<FieldError> {
        let zone = self.zone()?;
        if !self.enabled || self.next_after(now).is_some() {
            return None;
        }
        let detail = match self.expression.why_never(now, &zone) {
            NoNextTime::NoSuchDay => "names a day that does not exist, such as February 30; must \
                                      name a day of the calendar, in a year that has it"
                .to_owned(),
            NoNextTime::Past => "has only times in the past; must have a time in the future while \
                                 the schedule is enabled"
                .to_owned(),
            NoNextTime::Skipped => format!(
                "has only times that the clocks of {} skip, because they go forward then; must \
                 have a time that exists there",
                self.timezone
            ),
        };
        Some(FieldError::new("expression", detail))
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
    fn the_default_priority_is_the_minute_of_the_day_in_the_schedules_zone() {
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
    fn a_schedule_has_no_times_before_its_start() {
        let starts_at = Some(at("2026-03-02T10:00+09:00"));
        let daily = Schedule { starts_at, ..schedule("rate(1 day)") };
        assert_eq!(daily.next_after(at("2026-01-01T00:00Z")), starts_at);
        assert_eq!(
            daily.next_after(at("2026-03-02T10:00+09:00")),
            Some(at("2026-03-03T10:00+09:00"))
        );
    }

    #[test]
    fn each_fault_of_a_schedule_is_named_by_its_field() {
        type Change = fn(&mut Schedule);
        let now = at("2026-03-02T10:00+09:00");
        assert_eq!(schedule("cron(0 10 * * ? *)").faults(now), []);
        let cases: [(Change, &str); 10] = [
            (|s| s.name = "A b".into(), "name"),
            (|s| s.channel = Some("A b".into()), "channel"),
            (|s| s.producer = Some(String::new()), "producer"),
            (|s| s.template = "A b".into(), "template"),
            (|s| s.audience = String::new(), "audience"),
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
            let fields: Vec<_> = faulty.faults(now).into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, [field]);
        }
    }

    #[test]
    fn a_schedule_without_a_next_time_is_refused_with_the_cause() {
        let now = at("2026-03-02T10:00+09:00");
        let cause = |expression: &str, timezone: &str| {
            let schedule = Schedule { timezone: timezone.into(), ..schedule(expression) };
            schedule.faults(now).remove(0).detail
        };
        for (expression, start) in [
            ("cron(0 11 30 2 ? *)", "names a day that does not exist"),
            ("cron(0 11 29 2 ? 2027)", "names a day that does not exist"),
            ("cron(0 11 1 1 ? 2020)", "has only times in the past"),
            ("at(2026-03-02T09:59:59)", "has only times in the past"),
        ] {
            let cause = cause(expression, "Asia/Seoul");
            assert!(cause.starts_with(start), "{expression}: {cause}");
        }
        // The clocks of New York go forward at 02:00 on this day.
        for expression in ["at(2026-03-08T02:30:00)", "cron(30 2 8 3 ? 2026)"] {
            let cause = cause(expression, "America/New_York");
            let start = "has only times that the clocks of America/New_York skip";
            assert!(cause.starts_with(start), "{expression}: {cause}");
        }
    }
}
