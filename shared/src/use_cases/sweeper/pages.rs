//! Applies an event to a part of a lane's messages that have a deadline, page by page.

use super::Sweeper;
use crate::domain::agenda::just_after;
use crate::domain::{Event, Notification};
use crate::ports::PortError;

/// How many messages are changed at a time.
const PAGE: usize = 100;

impl Sweeper {
    /// Applies an event to one page of messages, and adds those that moved to `moved`, also when
    /// this fails. Returns where the next page begins; `None` after the last page.
    pub(super) async fn apply_to_page(
        &self,
        partition: &str,
        from: Option<&str>,
        until: &str,
        event: &Event,
        moved: &mut Vec<Notification>,
    ) -> Result<Option<String>, PortError> {
        let page = self.agenda.entries(partition, from, Some(until), PAGE).await?;
        self.apply.apply_all(&page, event, moved).await?;
        // The next page begins just after this key: the index lags, and may still show entries that
        // have moved.
        let last = page.last().filter(|_| page.len() == PAGE);
        Ok(last.map(|last| just_after(&last.sort)))
    }
}
