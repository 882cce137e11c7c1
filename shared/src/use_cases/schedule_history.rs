//! The earlier revisions of a schedule's row: which times asked for a run before the row was
//! changed.

use jiff::Timestamp;

use super::schedule_row::ScheduleRow;
use crate::ports::{Document, Documents, Kind, PortError};

/// How many earlier revisions are read. `EventBridge` Scheduler retries a firing for six hours, and
/// the sweeper requests missed times for a day. A schedule is changed less often than this in a
/// day.
const REVISIONS_MAX: usize = 50;

/// A schedule's revisions, newest first.
pub(super) struct ScheduleHistory(Vec<Revision>);

struct Revision {
    since: Timestamp,
    /// `None` when the revision deleted the schedule, or cannot be read any more.
    row: Option<ScheduleRow>,
    is_readable: bool,
}

impl ScheduleHistory {
    /// A row with the earlier revisions that are still stored.
    pub(super) async fn of(row: ScheduleRow, documents: &dyn Documents) -> Result<Self, PortError> {
        let name = &row.schedule.name;
        let history = documents.history(Kind::Schedule, name, REVISIONS_MAX).await?;
        let earlier = history.into_iter().filter(|document| document.revision < row.revision);
        let mut revisions: Vec<Revision> = earlier.map(Revision::read).collect();
        let present = Revision { since: row.changed_at, row: Some(row), is_readable: true };
        revisions.insert(0, present);
        Ok(Self(revisions))
    }

    /// Whether the revision in force at this time asked for a run then. `None` when the history
    /// does not tell: the time is before its first revision, or the row was written by hand.
    pub(super) fn asked_for_run_at(&self, at: Timestamp) -> Option<bool> {
        let revision = self.0.iter().find(|revision| revision.since < at)?;
        let asked = || revision.row.as_ref().is_some_and(|row| row.asks_for_run_at(at));
        revision.is_readable.then(asked)
    }

    /// The times after `after` and up to `to` for which the revision then in force asked for runs,
    /// latest first.
    pub(super) fn times_between(&self, after: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut times = Vec::new();
        let mut until = to;
        for revision in &self.0 {
            if let Some(row) = &revision.row {
                times.extend(row.times_between(after, until).into_iter().rev());
            }
            until = until.min(revision.since);
        }
        times
    }
}

impl Revision {
    fn read(document: Document) -> Self {
        let since = Timestamp::from_millisecond(document.changed_at_ms).unwrap_or_default();
        match ScheduleRow::read(document) {
            Ok(row) => Self { since, row, is_readable: true },
            Err(_) => Self { since, row: None, is_readable: false },
        }
    }
}
