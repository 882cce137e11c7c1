//! Lists of a producer's notifications.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::{ListedBy, NotificationId};

/// An entry of a list. It is a hint: the index is eventually consistent, and the notification may be
/// past its retention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// Its place in the list.
    pub place: String,
    pub id: NotificationId,
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    pub entries: Vec<ListEntry>,
    /// The place that the next page starts behind; `None` at the end of the list.
    pub next: Option<String>,
}

#[async_trait]
pub trait NotificationLists: Send + Sync {
    /// At most `limit` notifications of one owner behind the place `after`, the latest first. What one
    /// call reads is limited, so a page before the last one may have fewer entries, or none.
    async fn list_page(
        &self,
        by: &ListedBy,
        owner: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ListPage, PortError>;
}
