//! The exceptions: an index of the notifications that need a person, by channel and in the order of
//! the time since which they do.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::{ExceptionFilter, NotificationId, Status};

/// An entry of the index. The index is eventually consistent, so a caller that acts on an entry loads
/// the notification first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionEntry {
    /// The index's sort key: since when it needs a person, and its id.
    pub sort: String,
    pub id: NotificationId,
    pub status: Status,
    /// The name of the reason.
    pub reason: Option<String>,
    pub template: String,
}

/// A part of a channel's exceptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExceptionPage {
    pub entries: Vec<ExceptionEntry>,
    /// The sort key behind which the next page goes on; `None` after the last page.
    pub next: Option<String>,
    /// How many entries were read, also those that the filter leaves out.
    pub read: usize,
}

#[async_trait]
pub trait Exceptions: Send + Sync {
    /// Reads at most `limit` entries behind `after`, the longest waiting first, and returns those that
    /// the filter takes. A page before the last one may be empty.
    async fn exceptions(
        &self,
        filter: &ExceptionFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ExceptionPage, PortError>;
}
