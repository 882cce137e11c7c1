//! All notifications of the table, page by page.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::Notification;

/// A part of the notifications table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationPage {
    pub notifications: Vec<Notification>,
    /// Rows that cannot be read. They are reported and left out.
    pub unreadable: usize,
    /// The row that the next page starts behind; `None` at the end of the table.
    pub next: Option<String>,
}

#[async_trait]
pub trait NotificationPages: Send + Sync {
    /// Reads at most `limit` rows behind the row `after`, in the table's own order. Rows of other
    /// kinds are left out, so a page before the last one may be empty.
    async fn notification_page(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<NotificationPage, PortError>;
}
