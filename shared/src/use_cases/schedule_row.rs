//! A schedule's row in the catalog: at which times it asks for runs.

use jiff::{SignedDuration, Timestamp};

use crate::domain::Schedule;
use crate::domain::name::is_name;
use crate::ports::{Document, Documents, Kind, PortError};

/// One revision of a schedule.
pub(super) struct ScheduleRow {
    pub(super) schedule: Schedule,
    pub(super) revision: u64,
    pub(super) changed_at: Timestamp,
}

impl ScheduleRow {
    /// The present revision; `None` when there is no such schedule.
    pub(super) async fn load(
        documents: &dyn Documents,
        name: &str,
    ) -> Result<Option<Self>, PortError> {
        // No schedule has an invalid name, and DynamoDB refuses some texts as a key.
        if !is_name(name) {
            return Ok(None);
        }
        let document = documents.document(Kind::Schedule, name).await?;
        Ok(document.map(Self::read).transpose()?.flatten())
    }

    /// Reads a revision; `None` when it deleted the schedule.
    pub(super) fn read(document: Document) -> Result<Option<Self>, PortError> {
        let Some(body) = document.body else { return Ok(None) };
        let schedule: Schedule = serde_json::from_value(body).map_err(|_| PortError::Unusable {
            what: "the catalog table",
            detail: "a schedule does not decode".to_owned(),
        })?;
        Ok(Some(Self {
            schedule: Schedule { name: document.name, ..schedule },
            revision: document.revision,
            changed_at: Timestamp::from_millisecond(document.changed_at_ms).unwrap_or_default(),
        }))
    }

    /// Whether this revision was already in force at this time. A revision is not in force at the
    /// very time of its change.
    pub(super) fn was_in_force_at(&self, at: Timestamp) -> bool {
        self.changed_at < at
    }

    /// Whether this revision asks for a run at this time.
    pub(super) fn asks_for_run_at(&self, at: Timestamp) -> bool {
        let just_before = at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at);
        self.schedule.enabled && self.schedule.next_after(just_before) == Some(at)
    }

    /// The times after `after` and up to `to` for which this revision asks for runs, in order.
    /// Times before the revision's change are left out.
    pub(super) fn times_between(&self, after: Timestamp, to: Timestamp) -> Vec<Timestamp> {
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

    fn row(expression: &str, starts_at: Option<&str>, changed_at: &str) -> ScheduleRow {
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
        ScheduleRow::read(document).expect("it reads").expect("it is there")
    }

    #[test]
    fn a_row_asks_for_its_own_times_only_and_for_none_while_it_is_disabled() {
        let daily = row("cron(0 15 * * ? *)", None, "2026-03-02T13:59:59+09:00");
        assert!(!daily.asks_for_run_at(at("2026-03-02T14:00:00+09:00")));
        assert!(daily.asks_for_run_at(at("2026-03-02T15:00:00+09:00")));
        let disabled = Schedule { enabled: false, ..daily.schedule.clone() };
        let disabled = ScheduleRow { schedule: disabled, ..daily };
        assert!(!disabled.asks_for_run_at(at("2026-03-02T15:00:00+09:00")));

        let once = row("at(2026-03-02T14:00:30)", None, "2026-03-02T10:00:00+09:00");
        assert!(once.asks_for_run_at(at("2026-03-02T14:00:30+09:00")));
        assert!(!once.asks_for_run_at(at("2026-03-02T14:00:00+09:00")));

        let starts_at = Some("2026-03-02T09:20:30+09:00");
        let rate = row("rate(1 hour)", starts_at, "2026-03-02T10:00:00+09:00");
        assert!(rate.asks_for_run_at(at("2026-03-02T14:21:00+09:00")));
        assert!(!rate.asks_for_run_at(at("2026-03-02T14:20:00+09:00")));
    }

    #[test]
    fn the_times_of_a_row_begin_with_its_last_change() {
        let daily = row("cron(0 10,11 * * ? *)", None, "2026-03-01T12:00:00+09:00");
        let times = |to: &str| daily.times_between(at("2026-03-01T00:00:00+09:00"), at(to));
        assert_eq!(times("2026-03-02T09:59:59+09:00"), []);
        let [ten, eleven] = ["2026-03-02T10:00:00+09:00", "2026-03-02T11:00:00+09:00"].map(at);
        assert_eq!(times("2026-03-02T10:00:00+09:00"), [ten]);
        assert_eq!(times("2026-03-02T19:00:00+09:00"), [ten, eleven]);

        // A rate without a start has no times.
        let unanchored = row("rate(1 hour)", None, "2026-03-01T12:00:00+09:00");
        let times = unanchored.times_between(at("2026-03-01T00:00Z"), at("2026-03-02T00:00Z"));
        assert_eq!(times, []);
    }
}
