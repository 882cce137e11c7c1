//! An audience's members in pages.

use async_trait::async_trait;

use crate::domain::audience::file::Record;
use crate::ports::PortError;

/// Consecutive records of an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudiencePage {
    /// The members, and the lines that hold no valid member.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<String>,
    /// The file ends in the middle of its last record. This page holds that record, unless the page
    /// is empty. Most often such a file is incomplete.
    pub is_cut_off: bool,
}

/// Why an audience cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AudienceError {
    /// A retry may succeed.
    #[error(transparent)]
    Port(PortError),
    /// A retry would fail as well. The text says why, and quotes nothing of a member.
    #[error("{0}")]
    Unreadable(String),
}

impl From<PortError> for AudienceError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Unavailable { .. } | PortError::Throttled { .. } => Self::Port(error),
            PortError::Unusable { .. } => Self::Unreadable(error.to_string()),
        }
    }
}

/// Reads an audience page by page.
#[async_trait]
pub trait AudiencePages: Send {
    /// The next page, of at most `limit` records.
    ///
    /// # Errors
    /// [`AudienceError`]. This value cannot be used after an error: open the audience again at the
    /// end of the last page.
    async fn next_page(&mut self, limit: usize) -> Result<AudiencePage, AudienceError>;
}
