//! Why a command did not do what it was asked for, and the exit code that says so.

use std::io;

use crate::refusal::Refusal;

/// The API refuses the request: its `errors` say what to change.
pub(crate) const REFUSED: u8 = 1;
/// The words of the command, the profile or a file are wrong. Nothing was asked of the API.
pub(crate) const USAGE: u8 = 2;
/// The API cannot be reached, or asks to try again.
const TRY_AGAIN: u8 = 3;
const NOT_ALLOWED: u8 = 4;
const NOT_FOUND: u8 = 5;
/// The state does not allow it, or somebody changed it meanwhile.
const CONFLICT: u8 = 6;
/// `diff --check` found differences.
const DIFFERS: u8 = 7;
/// The person said no, or stopped the command.
const STOPPED: u8 = 8;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    /// There is no answer.
    #[error("{0}")]
    Unreachable(String),
    /// There are no credentials.
    #[error("{0}")]
    NotAllowed(String),
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The answer is not one of this API.
    #[error("{0}")]
    NotUnderstood(String),
    #[error("the stack differs from the file")]
    Differs,
    #[error("nothing was done")]
    Declined,
    /// The person has stopped the job.
    #[error("stopped")]
    Stopped,
    /// The filter takes another number than was agreed to.
    #[error(
        "there are {total} now, not {expected}; nothing was done. Look again, and give that count"
    )]
    OtherCount { expected: u64, total: u64 },
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
}

impl Failure {
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// After how many seconds the same request may succeed; `None` if it will not.
    pub(crate) fn try_again_after(&self) -> Option<u64> {
        match self {
            Self::Unreachable(_) => Some(0),
            Self::Refused(refusal) => {
                let is_temporary = matches!(refusal.status, 429 | 502..=504);
                is_temporary.then_some(refusal.retry_after.unwrap_or(0))
            }
            Self::Usage(_)
            | Self::NotAllowed(_)
            | Self::NotUnderstood(_)
            | Self::Differs
            | Self::Declined
            | Self::Stopped
            | Self::OtherCount { .. }
            | Self::Output(_) => None,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Unreachable(_) => TRY_AGAIN,
            Self::NotAllowed(_) => NOT_ALLOWED,
            Self::Refused(refusal) => match refusal.status {
                401 | 403 => NOT_ALLOWED,
                404 => NOT_FOUND,
                409 | 412 | 428 => CONFLICT,
                408 | 425 | 429 | 500.. => TRY_AGAIN,
                _ => REFUSED,
            },
            Self::NotUnderstood(_) | Self::Output(_) => REFUSED,
            Self::Differs => DIFFERS,
            Self::OtherCount { .. } => CONFLICT,
            Self::Declined | Self::Stopped => STOPPED,
        }
    }
}
