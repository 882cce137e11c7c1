//! Lists the notifications of a channel that need a person.

use std::sync::Arc;

use crate::domain::{ExceptionFilter, Notification};
use crate::ports::{Exceptions, NotificationBatches, PortError};
use crate::use_cases::listing::Listed;

/// How many pages of the index are read for one page of a list.
const INDEX_PAGES_MAX: usize = 5;

/// How many entries of the index are read at a time while a filter passes over some.
const READ_AT_A_TIME: usize = 500;

#[derive(Clone)]
pub struct ListExceptions {
    pub exceptions: Arc<dyn Exceptions>,
    pub batches: Arc<dyn NotificationBatches>,
}

impl ListExceptions {
    /// A page of the list behind the place `after`, the longest waiting notification first. What one
    /// call reads is limited, so a page before the last one may have fewer notifications than asked
    /// for, or none.
    ///
    /// # Errors
    /// [`PortError`]: a retry may succeed.
    pub async fn page(
        &self,
        filter: &ExceptionFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed, PortError> {
        let is_filtered =
            filter.status.is_some() || filter.reason.is_some() || filter.template.is_some();
        let mut listed = Listed { next: after.map(str::to_owned), ..Listed::default() };
        for _ in 0..INDEX_PAGES_MAX {
            let missing = limit - listed.notifications.len();
            let read = if is_filtered { READ_AT_A_TIME } else { missing };
            let page = self.exceptions.exceptions(filter, listed.next.as_deref(), read).await?;
            let mut entries = page.entries.into_iter();
            while entries.len() > 0 {
                let missing = limit - listed.notifications.len();
                if missing == 0 {
                    return Ok(listed);
                }
                let part: Vec<_> = entries.by_ref().take(missing).collect();
                let ids: Vec<_> = part.iter().map(|entry| entry.id.clone()).collect();
                let mut found = self.batches.load_all(&ids).await?;
                // An index may be behind its table.
                let is_meant = |found: &Notification| filter.takes_notification(found);
                let found = ids.iter().filter_map(|id| found.remove(id)).filter(is_meant);
                listed.notifications.extend(found);
                listed.next = part.last().map(|entry| entry.sort.clone());
            }
            listed.next = page.next;
            if listed.next.is_none() || listed.notifications.len() == limit {
                break;
            }
        }
        Ok(listed)
    }
}
