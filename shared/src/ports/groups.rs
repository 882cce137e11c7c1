//! The notifications of a group, with their statuses.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::{Group, Status};

/// A notification of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// The index's sort key.
    pub sort: String,
    pub state: MemberState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    Stored {
        status: Status,
        /// Since when it has this status, in Unix milliseconds.
        since_ms: i64,
    },
    /// Its row was deleted after its retention, so it had ended.
    Deleted,
    /// Its row cannot be read. A newer version of the code may have written it.
    Unreadable,
}

impl MemberState {
    /// Whether it may still move without a person.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Stored { status, .. } => status.is_open(),
            Self::Deleted => false,
            Self::Unreadable => true,
        }
    }
}

#[async_trait]
pub trait Groups: Send + Sync {
    /// The first `limit` notifications of a group in the order of their creation, behind `after`.
    /// Both the index and the statuses may be as they were a moment ago.
    async fn group_members(
        &self,
        group: &Group,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<GroupMember>, PortError>;
}
