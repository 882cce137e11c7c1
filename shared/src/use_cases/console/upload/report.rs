//! What an upload request has stored, or why it has failed.

use super::request::LINES_MAX;
use crate::domain::FieldError;
use crate::domain::audience::file::BadLine;
use crate::ports::PortError;

/// What one request has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadReport {
    /// Members of this request that are stored.
    pub members: u64,
    /// The first bad lines, in order.
    pub bad_lines: Vec<BadLine>,
    /// How many lines are bad. Their members are left out; the others are stored.
    pub bad_line_count: u64,
    /// How many of the bad lines have the same id as another line of the upload.
    pub duplicate: u64,
    /// The upload's version, as the audience names it once the upload is complete.
    pub version: String,
    /// The audience uses the upload now.
    pub committed: bool,
    /// How many members the audience has, once the upload is complete.
    pub size: Option<u64>,
    /// The number of the line after this request's last one: where the next part starts.
    pub next_line: u64,
    /// The revision of the audience's document.
    pub revision: u64,
}

/// Why a request has failed. The audience does not use what the request has stored, and repeating
/// the request is harmless.
#[derive(Debug, thiserror::Error)]
pub enum NotUploaded {
    #[error("there is no such audience")]
    Missing,
    /// The operator has to change the request.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// The request has this many lines, more than [`LINES_MAX`].
    #[error("the request has {0} lines; it must have at most {LINES_MAX}")]
    TooLong(u64),
    /// Another operator changed the audience. Holds the present revision; `None` when the audience
    /// was deleted.
    #[error("the audience was changed meanwhile")]
    Conflict(Option<u64>),
    /// A retry may succeed.
    #[error(transparent)]
    Port(#[from] PortError),
}
