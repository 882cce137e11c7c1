//! Why an invocation stops working on a run.

use crate::ports::PortError;
use crate::use_cases::audience::AudienceError;

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
            PortError::Unavailable { .. } => Self::Port(error),
            PortError::Corrupt { .. } => Self::Fatal(error.to_string()),
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
