//! Lists of notifications, page by page.

use std::sync::Arc;

use crate::domain::{ListedBy, Notification, Status};
use crate::ports::{ListEntry, NotificationBatches, NotificationLists, PortError};

/// How many pages of an index are read for one page of a list: a status is not in the index, so a
/// list by status may have to pass over many notifications.
const INDEX_PAGES_MAX: usize = 5;

/// How many notifications are read at a time while some are passed over.
const READ_AT_A_TIME: usize = 100;

/// A producer's own notifications.
#[derive(Clone)]
pub struct ListNotifications {
    pub lists: Arc<dyn NotificationLists>,
    pub batches: Arc<dyn NotificationBatches>,
}

/// What a producer asks for.
#[derive(Clone, Copy, Debug)]
pub struct ListRequest<'a> {
    pub by: &'a ListedBy,
    pub owner: &'a str,
    /// Only notifications of this status.
    pub status: Option<Status>,
    /// The place that the page starts behind.
    pub after: Option<&'a str>,
    pub limit: usize,
}

/// A part of a list, the latest notification first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub notifications: Vec<Notification>,
    /// The place that the next page starts behind; `None` at the end of the list.
    pub next: Option<String>,
}

impl ListNotifications {
    /// A page of a list. What one call reads is limited, so a page before the last one may have fewer
    /// notifications than asked for, or none.
    ///
    /// # Errors
    /// [`PortError`]: a retry may succeed.
    pub async fn page(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        let ListRequest { by, owner, status, after, limit } = request;
        let mut listed = Listed { next: after.map(str::to_owned), ..Listed::default() };
        for _ in 0..INDEX_PAGES_MAX {
            let missing = limit - listed.notifications.len();
            let wanted = if status.is_some() { READ_AT_A_TIME } else { missing };
            let page = self.lists.list_page(by, owner, listed.next.as_deref(), wanted).await?;
            let ids: Vec<_> = page.entries.iter().map(|entry| entry.id.clone()).collect();
            let mut found = self.batches.load_all(&ids).await?;
            for ListEntry { place, id } in page.entries {
                if listed.notifications.len() == limit {
                    return Ok(listed);
                }
                // An index may be behind its table.
                let is_listed = |found: &Notification| {
                    found.owner == owner && status.is_none_or(|status| found.status == status)
                };
                listed.notifications.extend(found.remove(&id).filter(is_listed));
                listed.next = Some(place);
            }
            listed.next = page.next;
            if listed.next.is_none() || listed.notifications.len() == limit {
                break;
            }
        }
        Ok(listed)
    }
}
