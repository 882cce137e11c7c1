//! Step 5 of a drain: give the lane to a successor, and make sure that one starts.

use tokio::time::Instant;

use super::dependencies::Sender;
use super::in_flight::InFlight;
use super::retry::retry_unavailable;
use crate::domain::PacerPosition;
use crate::ports::{Lease, PortError, Saved, WakeGroup};

/// The hand-over of one lease.
pub(super) struct Handover<'a> {
    sender: &'a Sender,
    lease: &'a Lease,
    /// The message group of the wake that started this sender.
    own_group: WakeGroup,
    successor_group: WakeGroup,
}

impl<'a> Handover<'a> {
    pub(super) fn new(sender: &'a Sender, lease: &'a Lease, own_group: WakeGroup) -> Self {
        // After a crash SQS blocks that message group for its visibility time-out, so the successor
        // is woken in a third group.
        let crashed_group = lease.predecessor.and_then(|expired| expired.group);
        Self { sender, lease, own_group, successor_group: own_group.next(crashed_group) }
    }

    /// Frees the lease, with the pacer's position for the successor.
    pub(super) async fn release(&self, in_flight: &mut InFlight) -> Result<(), PortError> {
        // The position depends on when the last requests arrive. The successor does not hear of
        // their answers or of their connections, so this sender waits for them first.
        if in_flight.pacing.limit().strict {
            in_flight.wait_for_requests().await;
        } else {
            in_flight.wait_for_connections().await;
        }
        let position = in_flight.pacing.position();
        in_flight.drive_until(self.release_lease(position)).await
    }

    /// Retries for a while when the store fails: until the lease is freed or expires, no other
    /// sender continues.
    async fn release_lease(&self, position: PacerPosition) -> Result<(), PortError> {
        let release = || self.sender.lanes.release(self.lease, position);
        if retry_unavailable(release).await? == Saved::Conflict {
            tracing::warn!(
                channel = %self.lease.channel,
                fence = self.lease.fence,
                "another sender had taken over the lease before it was released"
            );
        }
        Ok(())
    }

    /// Wakes the successor while the last requests are still in flight.
    pub(super) async fn wake_successor(&self, in_flight: &mut InFlight) {
        in_flight.drive_until(self.wake(self.successor_group, "successor")).await;
    }

    /// Wakes the successor for messages that were queued again after the hand-over, which it may
    /// not have seen.
    pub(super) async fn wake_for_requeued(&self) {
        self.wake(self.successor_group, "requeued").await;
    }

    /// Wakes this sender's own group as well if the successor has not started in time: a crash may
    /// have blocked the successor's group. The own group is free as soon as this sender has ended.
    pub(super) async fn ensure_successor(&self, woken_at: Instant) {
        if !self.has_successor(woken_at).await {
            self.wake(self.own_group, "replacement").await;
        }
    }

    /// Whether another sender has taken the lease. Waits as long as a successor may take to start.
    async fn has_successor(&self, woken_at: Instant) -> bool {
        let timeout = self.sender.settings.successor_timeout;
        let give_up_at = Instant::now().max(woken_at + timeout);
        loop {
            // A slow database must not keep this sender beyond the function's time-out.
            let asked = tokio::time::timeout(timeout, self.sender.lanes.was_succeeded(self.lease));
            if matches!(asked.await, Ok(Ok(true))) {
                return true;
            }
            if Instant::now() >= give_up_at {
                return false;
            }
            tokio::time::sleep_until(give_up_at).await;
        }
    }

    async fn wake(&self, group: WakeGroup, reason: &str) {
        let channel = &self.lease.channel;
        // The fence makes the id unique to this drain, so SQS never drops the wake as a duplicate.
        let deduplication = format!("{channel}-{}-{reason}-{}", group.as_str(), self.lease.fence);
        if let Err(error) = self.sender.waker.wake(channel, group, &deduplication).await {
            tracing::warn!(
                %channel,
                %error,
                "the successor could not be woken; the sweeper will wake the lane"
            );
        }
    }
}
