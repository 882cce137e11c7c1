//! The agenda: a sparse index of the notifications that still need work.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::NotificationId;

/// An entry of the agenda. An entry is a hint: the index is eventually consistent, so the caller
/// loads the notification before acting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgendaEntry {
    /// The index's sort key.
    pub sort: String,
    pub id: NotificationId,
}

#[async_trait]
pub trait Agenda: Send + Sync {
    /// The first entries of a partition in order, with `from <= sort < until` where given.
    async fn entries(
        &self,
        partition: &str,
        from: Option<&str>,
        until: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError>;

    /// How many entries of a partition sort before a key, counted up to `limit`.
    async fn count_before(
        &self,
        partition: &str,
        before: &str,
        limit: usize,
    ) -> Result<usize, PortError>;

    /// The last entries of a partition, the last one first.
    async fn last_entries(
        &self,
        partition: &str,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError>;
}
