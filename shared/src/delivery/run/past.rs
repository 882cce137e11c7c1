//! A schedule's row as it was: which times were asked for before it was changed.

use jiff::Timestamp;

use super::row::Row;
use crate::ports::PortError;
use crate::ports::scheduling::{Document, Documents, Kind};

/// Revisions looked back on. The scheduler tries a firing again for a day: a schedule is not
/// changed more often than that within one.
const REVISIONS: usize = 50;

/// A row and its earlier revisions, newest first.
pub(super) struct Past(Vec<Then>);

/// How a schedule was for a while.
struct Then {
    since: Timestamp,
    /// `None` when it was deleted, or cannot be read any more.
    row: Option<Row>,
    is_readable: bool,
}

impl Past {
    /// A row's past, as far as its history has it.
    pub(super) async fn of(row: Row, documents: &dyn Documents) -> Result<Self, PortError> {
        let name = &row.schedule.name;
        let history = documents.history(Kind::Schedule, name, REVISIONS).await?;
        let earlier = history.into_iter().filter(|then| then.revision < row.revision);
        let mut past: Vec<Then> = earlier.map(Then::read).collect();
        past.insert(0, Then { since: row.changed_at, row: Some(row), is_readable: true });
        Ok(Self(past))
    }

    /// Whether the revision that was in force at this time asked for a run then. `None` when the
    /// history cannot tell: it is too long ago, or the row was written by hand.
    pub(super) fn named(&self, at: Timestamp) -> Option<bool> {
        let then = self.0.iter().find(|then| then.since < at)?;
        then.is_readable.then(|| then.row.as_ref().is_some_and(|row| row.names(at)))
    }

    /// The times after `after` and up to `to` that were asked for when they came, latest first.
    pub(super) fn times(&self, after: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut times = Vec::new();
        let mut until = to;
        for then in &self.0 {
            if let Some(row) = &then.row {
                times.extend(row.times(after, until).into_iter().rev());
            }
            until = until.min(then.since);
        }
        times
    }
}

impl Then {
    fn read(document: Document) -> Self {
        let since = Timestamp::from_millisecond(document.changed_at_ms).unwrap_or_default();
        match Row::read(document) {
            Ok(row) => Self { since, row, is_readable: true },
            Err(_) => Self { since, row: None, is_readable: false },
        }
    }
}
