//! Wakes of lanes for messages that were stored or have become ready.

use crate::ports::{Clock, WakeGroup, Waker};

/// How often the sweeper runs. The sweeper wakes the lanes of messages that become due later than
/// one round from now. For a message that is due sooner, the process that stores it wakes the lane.
pub(super) const SWEEPER_ROUND_MS: i64 = 60_000;

/// Wakes a lane because a message became ready. Within one second all such wakes share a
/// deduplication id, so a process sends one of them, and the queue keeps one of all processes. No
/// message is missed by that: a sender keeps draining for more than a second after its last message.
pub(super) async fn wake_lane(waker: &dyn Waker, clock: &dyn Clock, channel: &str) {
    let group = WakeGroup::Zero;
    let deduplication = format!("{channel}-{}-{}", group.as_str(), clock.now_ms() / 1000);
    if let Err(error) = waker.wake(channel, group, &deduplication).await {
        tracing::warn!(%channel, %error, "a lane was not woken; the sweeper will wake it");
    }
}
