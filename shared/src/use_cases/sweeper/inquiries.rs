//! Finds out whether the sender has to ask the provider about a message.

use super::Sweeper;
use crate::domain::agenda::{confirm_partition, sort_at};
use crate::domain::inquiry::{ASK_AHEAD_MS, inquiry_due_at_ms};
use crate::domain::{Channel, Notification};
use crate::ports::{AgendaEntry, PortError};

/// How many messages are looked at: those whose deadlines come first. The sender looks at all.
const LOOKED_AT: usize = 10;

impl Sweeper {
    /// Whether a message of the lane is to be asked about now.
    pub(super) async fn has_inquiry_due(&self, channel: &Channel) -> Result<bool, PortError> {
        let adapter = self.adapters.adapter(channel);
        if !adapter.is_ok_and(|adapter| adapter.guarantees().can_be_asked) {
            return Ok(false);
        }
        let now_ms = self.clock.now_ms();
        let (from, until) = (sort_at(now_ms), sort_at(now_ms + ASK_AHEAD_MS));
        let partition = confirm_partition(&channel.name);
        let first = self.agenda.entries(&partition, Some(&from), Some(&until), LOOKED_AT).await?;
        for AgendaEntry { id, .. } in first {
            let awaiting = match self.notifications.load(&id).await {
                Ok(loaded) => loaded,
                // It is reported when its deadline is closed.
                Err(PortError::Unusable { .. }) => None,
                Err(error) => return Err(error),
            };
            let is_due = |n: &Notification| inquiry_due_at_ms(n).is_some_and(|due| due <= now_ms);
            if awaiting.as_ref().is_some_and(is_due) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
