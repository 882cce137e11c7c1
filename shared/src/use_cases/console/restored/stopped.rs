//! Whether every channel is paused and no sender is at work, and since when.

use std::collections::BTreeMap;

use super::review::{NotReviewed, ReviewRestored};
use crate::ports::{Document, Kind};

/// How many revisions of a document are read. If a document was changed more often since the lost
/// period began, its sending hours then count as not known.
pub(super) const REVISIONS_MAX: usize = 100;

/// A sender that read its channel before the pause lives for 40 s at most. The rest is for clocks
/// that differ.
const SENDERS_END_WITHIN_MS: i64 = 60_000;

/// How much the clocks of a sender and of this function may differ.
const CLOCKS_DIFFER_MS: i64 = 1_000;

/// A channel over which nothing leaves.
pub(super) struct StoppedChannel {
    pub(super) paused_at_ms: i64,
    /// The channel's document, newest first.
    pub(super) revisions: Vec<Document>,
}

impl StoppedChannel {
    /// At this time or later nothing left over the channel.
    pub(super) fn stopped_at_ms(&self) -> i64 {
        self.paused_at_ms.saturating_add(SENDERS_END_WITHIN_MS)
    }
}

/// The stopped channels by name.
pub(super) type StoppedChannels = BTreeMap<String, StoppedChannel>;

impl ReviewRestored {
    /// All channels, if nothing leaves over any of them.
    ///
    /// # Errors
    /// [`NotReviewed::NotPaused`], [`NotReviewed::AtWork`], [`NotReviewed::Port`].
    pub(super) async fn stopped(&self, now_ms: i64) -> Result<StoppedChannels, NotReviewed> {
        let mut stopped = StoppedChannels::new();
        let mut running = Vec::new();
        let mut senders_end_at_ms = i64::MIN;
        for name in self.channels.channel_rows().await?.into_keys() {
            let revisions = self.documents.history(Kind::Channel, &name, REVISIONS_MAX).await?;
            let Some(paused_at_ms) = paused_at_ms(&revisions) else {
                running.push(name);
                continue;
            };
            let lane = self.lanes.lane_state(&name).await?;
            let leased_until_ms = lane.and_then(|lane| lane.leased_until_ms);
            let channel = StoppedChannel { paused_at_ms, revisions };
            senders_end_at_ms = senders_end_at_ms
                .max(channel.stopped_at_ms())
                .max(leased_until_ms.map_or(i64::MIN, |at_ms| at_ms + CLOCKS_DIFFER_MS));
            stopped.insert(name, channel);
        }
        if !running.is_empty() {
            return Err(NotReviewed::NotPaused(running));
        }
        let left_ms = senders_end_at_ms.saturating_sub(now_ms);
        if left_ms > 0 {
            let ends_within_s = left_ms.unsigned_abs().div_ceil(1000);
            return Err(NotReviewed::AtWork { ends_within_s });
        }
        Ok(stopped)
    }
}

/// Since when a channel has been paused without a break; `None` when it is not paused.
fn paused_at_ms(revisions: &[Document]) -> Option<i64> {
    let is_paused = |revision: &&Document| {
        let body = revision.body.as_ref();
        body.and_then(|body| body.get("paused")?.as_bool()) == Some(true)
    };
    revisions.iter().take_while(is_paused).last().map(|revision| revision.changed_at_ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The history of a channel, newest first: each time with whether it was paused then.
    fn since(history: &[(i64, Option<bool>)]) -> Option<i64> {
        let revisions: Vec<Document> = history
            .iter()
            .map(|&(changed_at_ms, paused)| Document {
                name: "c".into(),
                revision: 1,
                body: paused.map(|paused| json!({ "paused": paused })),
                changed_by: "somebody".into(),
                changed_at_ms,
            })
            .collect();
        paused_at_ms(&revisions)
    }

    #[test]
    fn a_pause_began_with_the_change_that_paused_the_channel() {
        assert_eq!(since(&[(5, Some(true)), (4, Some(true)), (3, Some(false))]), Some(4));
        assert_eq!(since(&[(2, Some(true))]), Some(2), "it was created paused");
    }

    #[test]
    fn an_earlier_pause_does_not_count() {
        let history = [(5, Some(true)), (4, Some(false)), (3, Some(true))];
        assert_eq!(since(&history), Some(5));
        assert_eq!(since(&history[1..]), None);
    }

    #[test]
    fn a_channel_without_the_field_or_without_a_document_is_not_paused() {
        assert_eq!(since(&[(5, None), (4, Some(true))]), None);
        assert_eq!(since(&[]), None);
    }
}
