//! Orphaned claims: messages that a sender claimed before it crashed. They are looked for only where
//! a drain did not report its end, so a round does not read the messages that await their receipts.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::Sweeper;
use crate::domain::agenda::{confirm_partition, sort_at};
use crate::domain::{Channel, Event, SENDER_LIVES_MAX_MS, SweepMetrics, claim_deadlines_ms};
use crate::ports::{OpenDrain, PortError};

/// From when on the claims of an open drain are orphaned, in Unix milliseconds. All claims of the drain
/// were made before.
pub(super) fn overdue_at_ms(drain: &OpenDrain) -> i64 {
    drain.began_at_ms.saturating_add(SENDER_LIVES_MAX_MS)
}

impl Sweeper {
    /// Turns the messages that a drain left `sending` into `unknown`, and then closes the drain. The
    /// claims are found by their deadlines. If this takes longer than until `give_up_at`, the drain
    /// stays open, and the next round begins again.
    pub(super) async fn recover_orphaned_claims(
        &self,
        channel: &Channel,
        drain: OpenDrain,
        give_up_at: Instant,
        figures: &mut SweepMetrics,
    ) -> Result<(), PortError> {
        let partition = confirm_partition(&channel.name);
        let fence = drain.fence.saturating_add(1);
        // The channel's confirmation time may have been changed during the drain.
        let within_ms: BTreeSet<i64> = [drain.confirm_within_ms, channel.own_confirm_within_ms()]
            .into_iter()
            .flat_map(claim_deadlines_ms)
            .collect();
        for within_ms in within_ms {
            let until = sort_at(overdue_at_ms(&drain).saturating_add(within_ms));
            let mut from = Some(sort_at(drain.began_at_ms.saturating_add(within_ms)));
            while let Some(start) = from {
                if Instant::now() >= give_up_at {
                    return Ok(());
                }
                let event = Event::SenderLost { fence, at_ms: self.clock.now_ms() };
                let mut found = Vec::new();
                let page =
                    self.apply_to_page(&partition, Some(&start), &until, &event, &mut found).await;
                for notification in &found {
                    figures.count(notification.status);
                    tracing::warn!(
                        channel = %channel.name,
                        notification = %notification.id,
                        "the sender crashed after it claimed the message: the message may have \
                         been sent"
                    );
                }
                from = page?;
            }
        }
        self.lanes.close_drain(&channel.name, drain.fence).await
    }
}
