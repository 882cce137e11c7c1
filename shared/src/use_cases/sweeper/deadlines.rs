//! Closes the deadlines of messages that no sender will settle any more.

use tokio::time::Instant;

use super::Sweeper;
use crate::domain::agenda::{confirm_partition, just_after, sort_at};
use crate::domain::{Channel, Event, SweepMetrics, claim_deadlines_ms};
use crate::ports::PortError;

/// How many deadlines are closed at a time.
const PAGE: usize = 100;
/// A claim of at least this age is taken for orphaned if its message is still `sending`: a sender
/// lives for 40 s at most.
const ORPHAN_AGE_MIN_MS: i64 = 60_000;
/// Older claims are not looked at: the range covers two rounds, so each claim is looked at twice.
const ORPHAN_AGE_MAX_MS: i64 = 180_000;

impl Sweeper {
    /// Closes deadlines until `give_up_at`; the next round closes the rest. Returns how many were
    /// closed.
    pub(super) async fn close_deadlines(
        &self,
        channel: &Channel,
        give_up_at: Instant,
        figures: &mut SweepMetrics,
    ) -> Result<usize, PortError> {
        let at_ms = self.clock.now_ms();
        let overdue = Event::DeadlineChecked { at_ms };
        let mut closed =
            self.apply_between(channel, None, at_ms, &overdue, give_up_at, figures).await?;
        // The highest fence makes this hold for the claims of every lease.
        let lost = Event::SenderLost { fence: u64::MAX, at_ms };
        // The claims of one minute have their deadlines at several distances: receipts of text
        // messages take longer.
        for within_ms in claim_deadlines_ms(channel.own_confirm_within_ms()) {
            let from_ms = at_ms - ORPHAN_AGE_MAX_MS + within_ms;
            let until_ms = at_ms - ORPHAN_AGE_MIN_MS + within_ms;
            let orphaned =
                self.apply_between(channel, Some(from_ms), until_ms, &lost, give_up_at, figures);
            closed += orphaned.await?;
        }
        Ok(closed)
    }

    /// Applies an event to every notification whose deadline lies in a range. Returns how many
    /// moved.
    async fn apply_between(
        &self,
        channel: &Channel,
        from_ms: Option<i64>,
        until_ms: i64,
        event: &Event,
        give_up_at: Instant,
        figures: &mut SweepMetrics,
    ) -> Result<usize, PortError> {
        let partition = confirm_partition(&channel.name);
        let until = sort_at(until_ms);
        let mut from = from_ms.map(sort_at);
        let mut moved = 0;
        while Instant::now() < give_up_at {
            let page = self.agenda.entries(&partition, from.as_deref(), Some(&until), PAGE).await?;
            let Some(last) = page.last() else { break };
            // The next page begins just after this key: the index lags, and may still show entries
            // that have moved.
            from = Some(just_after(&last.sort));
            let mut after = Vec::new();
            let applied = self.apply.apply_all(&page, event, &mut after).await;
            for notification in &after {
                figures.count(notification.status);
            }
            moved += after.len();
            applied?;
        }
        Ok(moved)
    }
}
