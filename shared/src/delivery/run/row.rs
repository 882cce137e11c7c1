//! A schedule's row, as runs see it: which times it asks for.

use jiff::{SignedDuration, Timestamp};

use crate::domain::Schedule;
use crate::ports::PortError;
use crate::ports::scheduling::Document;

/// A schedule, and since when it is as it is.
pub(super) struct Row {
    pub(super) schedule: Schedule,
    pub(super) revision: u64,
    pub(super) changed_at: Timestamp,
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
            revision: document.revision,
            changed_at: Timestamp::from_millisecond(document.changed_at_ms).unwrap_or_default(),
        }))
    }

    /// Whether it was as it is when this time came. A change at the very time is one after it.
    pub(super) fn was_in_force_at(&self, at: Timestamp) -> bool {
        self.changed_at < at
    }

    /// Whether it asks for a run at this time.
    pub(super) fn names(&self, at: Timestamp) -> bool {
        let just_before = at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at);
        self.schedule.enabled && self.schedule.next_after(just_before) == Some(at)
    }

    /// Its times after `after` and up to `to`, since it is as it is.
    pub(super) fn times(&self, after: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let schedule = &self.schedule;
        if !schedule.enabled || schedule.has_no_first_time() {
            return vec![];
        }
        let Some(zone) = schedule.zone() else { return vec![] };
        schedule.times_after(self.changed_at.max(after), &zone).take_while(|at| *at <= to).collect()
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
    fn it_names_its_own_times_only_and_none_while_it_is_switched_off() {
        let daily = row("cron(0 15 * * ? *)", None, "2026-03-02T13:59:59+09:00");
        assert!(!daily.names(at("2026-03-02T14:00:00+09:00")));
        assert!(daily.names(at("2026-03-02T15:00:00+09:00")));
        let off = Schedule { enabled: false, ..daily.schedule.clone() };
        let off = Row { schedule: off, ..daily };
        assert!(!off.names(at("2026-03-02T15:00:00+09:00")));

        let once = row("at(2026-03-02T14:00:30)", None, "2026-03-02T10:00:00+09:00");
        assert!(once.names(at("2026-03-02T14:00:30+09:00")));
        assert!(!once.names(at("2026-03-02T14:00:00+09:00")));

        let starts_at = Some("2026-03-02T09:20:30+09:00");
        let rate = row("rate(1 hour)", starts_at, "2026-03-02T10:00:00+09:00");
        assert!(rate.names(at("2026-03-02T14:21:00+09:00")));
        assert!(!rate.names(at("2026-03-02T14:20:00+09:00")));
    }

    #[test]
    fn its_times_are_those_since_it_is_as_it_is() {
        let daily = row("cron(0 10,11 * * ? *)", None, "2026-03-01T12:00:00+09:00");
        let times = |to: &str| daily.times(at("2026-03-01T00:00:00+09:00"), at(to));
        assert_eq!(times("2026-03-02T09:59:59+09:00"), []);
        let [ten, eleven] = ["2026-03-02T10:00:00+09:00", "2026-03-02T11:00:00+09:00"].map(at);
        assert_eq!(times("2026-03-02T10:00:00+09:00"), [ten]);
        assert_eq!(times("2026-03-02T19:00:00+09:00"), [ten, eleven]);

        // Nobody can say what these are counted from.
        let unanchored = row("rate(1 hour)", None, "2026-03-01T12:00:00+09:00");
        assert_eq!(unanchored.times(at("2026-03-01T00:00Z"), at("2026-03-02T00:00Z")), []);
    }
}
