//! Wakes the lanes whose messages may leave at other times after a change.

use super::ConfigureCatalog;
use super::entry::Entry;
use crate::ports::{PortError, WakeGroup};

impl ConfigureCatalog {
    /// Wakes every lane that a change concerns. The change is saved by now, so a failed wake is
    /// only logged.
    pub(super) async fn wake_lanes_of(&self, entry: &Entry, changed_at_ms: i64) {
        match self.lanes_of(entry).await {
            Ok(channels) => {
                for channel in channels {
                    self.wake(&channel, changed_at_ms).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "lanes were not woken; the sweeper will wake them");
            }
        }
    }

    pub(super) async fn wake(&self, channel: &str, changed_at_ms: i64) {
        let deduplication = format!("{channel}-changed-{changed_at_ms}");
        if let Err(error) = self.waker.wake(channel, WakeGroup::Zero, &deduplication).await {
            tracing::warn!(channel, %error, "a lane was not woken; the sweeper will wake it");
        }
    }

    async fn lanes_of(&self, entry: &Entry) -> Result<Vec<String>, PortError> {
        Ok(match entry {
            Entry::Channel(channel) => vec![channel.name.clone()],
            Entry::Template(template) => template.channels().map(str::to_owned).collect(),
            Entry::Hours(_) => {
                self.catalog.channels().await?.into_iter().map(|channel| channel.name).collect()
            }
            Entry::Schedule(_) | Entry::Audience(_) | Entry::Producer(_) => vec![],
        })
    }
}
