//! What an invocation did for a run.

use serde::Serialize;

use crate::domain::run::RunCounts;

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// The run has ended; its record says how.
    Ended,
    /// The invocation's time was up; another invocation was requested.
    ToBeContinued,
    /// An outage interrupted the invocation; another invocation was requested.
    Interrupted,
    /// Another invocation has the run.
    HeldElsewhere,
    /// There is neither such a schedule nor such a run.
    NoSuchSchedule,
    /// The schedule is disabled.
    Disabled,
    /// The run's time has not come.
    NotDue,
    /// The schedule, as it was at that time, asked for no run.
    NotScheduled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RunReport {
    pub outcome: RunOutcome,
    /// The counts of the whole run so far, not of this invocation alone.
    pub counts: RunCounts,
}
