//! What a lost sender had claimed.

use super::{Drain, millis};
use crate::domain::Event;
use crate::domain::agenda::{confirm_partition, sort_at};
use crate::ports::{Lease, LostHolder, PortError};

const PAGE: usize = 100;

impl Drain {
    /// Looks through the deadlines that the lost sender wrote, and turns what it left `sending`
    /// into `unknown`, counting it in `found`. Deadlines are claim times moved by a waiting time that the lease names.
    ///
    /// What the index does not show yet is found by the sweeper when its deadline passes.
    pub(super) async fn find_lost(
        &self,
        lease: &Lease,
        lost: LostHolder,
        found: &mut usize,
    ) -> Result<(), PortError> {
        let apply = self.apply().within_lane(&lease.channel);
        let partition = confirm_partition(&lease.channel);
        let skew_ms = millis(self.settings.clock_skew);
        let mut from = sort_at(lost.since_ms + lost.confirm_within_ms);
        let until = sort_at(lost.until_ms + lost.confirm_within_ms + skew_ms);
        loop {
            let claims = self.agenda.entries(&partition, Some(&from), Some(&until), PAGE).await?;
            let Some(latest) = claims.last() else { return Ok(()) };
            from = format!("{}~", latest.sort);
            let event = Event::SenderLost { fence: lease.fence, at_ms: self.clock.now_ms() };
            let mut moved = Vec::new();
            let done = apply.apply_all(&claims, &event, &mut moved).await;
            for notification in moved {
                *found += 1;
                tracing::warn!(
                    channel = %lease.channel,
                    notification = %notification.id,
                    "claimed by a sender that was lost: whether it was sent is unknown"
                );
            }
            done?;
        }
    }
}
