//! How an invocation's work on a run ends.

use serde::Serialize;

use crate::domain::run::RunCounts;
use crate::ports::PortError;
use crate::use_cases::audience::AudienceError;

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// The run needs no further invocation: everything is stored, or its record says why not.
    Ended,
    /// The invocation's time was up; another invocation was requested.
    ToBeContinued,
    /// An outage interrupted the invocation; another invocation was requested.
    Interrupted,
    /// Another invocation has the run.
    HeldElsewhere,
    /// There is neither such a schedule nor such a run.
    NoSuchSchedule,
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

/// Why an invocation stops working on a run.
pub(super) enum Stop {
    /// Another invocation has the run.
    Conflict,
    /// No invocation can continue the run; the text says why.
    Fatal(String),
    /// Another invocation may succeed.
    Port(PortError),
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Unavailable { .. } | PortError::Throttled { .. } => Self::Port(error),
            PortError::Unusable { .. } => Self::Fatal(error.to_string()),
        }
    }
}

impl From<AudienceError> for Stop {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::Port(error) => Self::Port(error),
            AudienceError::Unreadable(why) => Self::Fatal(why),
        }
    }
}
