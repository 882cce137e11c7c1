//! A schedule's row, as runs see it: which times it asks for.

use jiff::{SignedDuration, Timestamp};

use crate::domain::Schedule;
use crate::ports::PortError;
use crate::ports::scheduling::Document;

/// A schedule, and since when it is as it is.
pub(super) struct Row {
    pub(super) schedule: Schedule,
    changed_at: Timestamp,
}

impl Row {
    pub(super) fn read(document: Document) -> Result<Option<Self>, PortError> {
        let Some(body) = document.body else { return Ok(None) };
        let schedule: Schedule = serde_json::from_value(body).map_err(|_| PortError::Corrupt {
            what: "the catalog table",
            detail: "a schedule does not decode".to_owned(),
        })?;
        Ok(Some(Self {
            schedule: Schedule { name: document.name, ..schedule },
            changed_at: Timestamp::from_millisecond(document.changed_at_ms).unwrap_or_default(),
        }))
    }

    /// Whether there may be a run of this time. What was scheduled before the row was changed went
    /// by the row of then; later times are its own or nobody's.
    pub(super) fn may_run_at(&self, at: Timestamp) -> bool {
        let just_before = at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at);
        at <= self.changed_at || self.schedule.next_after(just_before) == Some(at)
    }

    /// The latest of its times after `after` and up to `to`, since it is as it is.
    pub(super) fn latest(&self, after: Timestamp, to: Timestamp) -> Option<Timestamp> {
        let schedule = &self.schedule;
        if schedule.expression.is_rate() && schedule.starts_at.is_none() {
            // Nobody can say what its times are counted from.
            return None;
        }
        let zone = schedule.zone()?;
        schedule.times_after(self.changed_at.max(after), &zone).take_while(|at| *at <= to).last()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn row(expression: &str, starts_at: Option<&str>, changed_at: &str) -> Row {
        let mut body = json!({ "expression": expression, "template": "t", "audience": "a" });
        if let Some(starts_at) = starts_at {
            body["starts_at"] = json!(starts_at);
        }
        let document = Document {
            name: "s".into(),
            revision: 1,
            body: Some(body),
            changed_by: String::new(),
            changed_at_ms: at(changed_at).as_millisecond(),
        };
        Row::read(document).expect("it reads").expect("it is there")
    }

    #[test]
    fn only_its_own_times_run_and_whatever_was_scheduled_before_it_was_changed() {
        let moved = row("cron(0 15 * * ? *)", None, "2026-03-02T13:59:59+09:00");
        assert!(!moved.may_run_at(at("2026-03-02T14:00:00+09:00")));
        assert!(moved.may_run_at(at("2026-03-02T15:00:00+09:00")));
        assert!(moved.may_run_at(at("2026-03-02T13:00:00+09:00")));
        // Seconds later, the earlier row's run was on its way.
        let late = row("cron(0 15 * * ? *)", None, "2026-03-02T14:00:01+09:00");
        assert!(late.may_run_at(at("2026-03-02T14:00:00+09:00")));

        let once = row("at(2026-03-02T14:00:30)", None, "2026-03-02T10:00:00+09:00");
        assert!(once.may_run_at(at("2026-03-02T14:00:30+09:00")));
        assert!(!once.may_run_at(at("2026-03-02T14:00:00+09:00")));

        let starts_at = Some("2026-03-02T09:20:30+09:00");
        let rate = row("rate(1 hour)", starts_at, "2026-03-02T10:00:00+09:00");
        assert!(rate.may_run_at(at("2026-03-02T14:21:00+09:00")));
        assert!(!rate.may_run_at(at("2026-03-02T14:20:00+09:00")));
    }

    #[test]
    fn the_latest_time_is_one_since_the_row_is_as_it_is() {
        let daily = row("cron(0 10,11 * * ? *)", None, "2026-03-01T12:00:00+09:00");
        let latest = |to: &str| daily.latest(at("2026-03-01T00:00:00+09:00"), at(to));
        assert_eq!(latest("2026-03-02T09:59:59+09:00"), None);
        assert_eq!(latest("2026-03-02T10:00:00+09:00"), Some(at("2026-03-02T10:00:00+09:00")));
        assert_eq!(latest("2026-03-02T19:00:00+09:00"), Some(at("2026-03-02T11:00:00+09:00")));

        let unanchored = row("rate(1 hour)", None, "2026-03-01T12:00:00+09:00");
        assert_eq!(unanchored.latest(at("2026-03-01T00:00Z"), at("2026-03-02T00:00Z")), None);
    }
}
