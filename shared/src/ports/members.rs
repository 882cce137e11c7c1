//! Members of uploaded audiences.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::audience::file::Member;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMember {
    /// The member's line in the uploaded file, counted over all parts of the upload.
    pub line: u64,
    pub member: Member,
}

/// The result of storing a member.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberSaved {
    /// The member is stored, now or earlier from the same line.
    Done,
    /// Another line of this upload has the same id.
    Duplicate,
}

/// Members by upload. Each upload is a version of its own, so a run keeps reading the version that
/// it began with.
#[async_trait]
pub trait Members: Send + Sync {
    async fn put_member(
        &self,
        audience: &str,
        version: &str,
        member: &StoredMember,
    ) -> Result<MemberSaved, PortError>;

    /// Members of an upload in the order of their ids, starting behind `after`. Fewer than `limit`
    /// only at the end.
    async fn members(
        &self,
        audience: &str,
        version: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredMember>, PortError>;

    /// Deletes at most `limit` members of an upload, and answers how many it deleted.
    async fn discard_members(
        &self,
        audience: &str,
        version: &str,
        limit: usize,
    ) -> Result<usize, PortError>;
}
