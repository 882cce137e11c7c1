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
                let changes_channel = matches!(entry, Entry::Channel(_));
                for channel in channels {
                    self.wake(&channel, changed_at_ms, changes_channel).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "lanes were not woken; the sweeper will wake them");
            }
        }
    }

    /// Wakes a lane. After a change to the channel itself, the sender also probes a provider that
    /// could not take messages.
    pub(super) async fn wake(&self, channel: &str, changed_at_ms: i64, changes_channel: bool) {
        let deduplication = format!("{channel}-changed-{changed_at_ms}");
        let (waker, group) = (&self.waker, WakeGroup::Zero);
        let woken = if changes_channel {
            waker.wake_despite_pause(channel, group, &deduplication).await
        } else {
            waker.wake(channel, group, &deduplication).await
        };
        if let Err(error) = woken {
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
