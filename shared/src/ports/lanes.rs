//! Leases: at most one sender drains a lane at a time.

use async_trait::async_trait;

use super::error::PortError;
use super::saved::Saved;
use super::waker::WakeGroup;
use crate::domain::PacerPosition;

/// A lane's lease, as its holder knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The channel whose lane is leased.
    pub channel: String,
    /// One higher with every new holder.
    pub fence: u64,
    /// The pacer's position as the previous holder saved it.
    pub position: PacerPosition,
    /// The previous lease, when its holder did not give it back before it expired.
    pub predecessor: Option<ExpiredLease>,
}

/// What the lane's row says of a lease that expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiredLease {
    /// The earliest time of a claim that nobody has recovered. Earlier than the lease itself when
    /// its predecessors expired too.
    pub unrecovered_since_ms: i64,
    /// When the lease expired.
    pub lease_until_ms: i64,
    /// The channel's confirmation time, as the holder read it.
    /// [`claim_deadlines_ms`](crate::domain::claim_deadlines_ms) makes of it how long after the
    /// holder's claims their deadlines lie.
    pub confirm_within_ms: i64,
    /// The message group of the wake that started the holder. SQS may still block that group.
    /// `None` in rows of earlier versions.
    pub group: Option<WakeGroup>,
}

/// The result of trying to take a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    Leased(Lease),
    /// Another sender holds the lease.
    Held,
    /// Another sender took the lane well after the wake was sent, and its lease has not expired:
    /// that sender has seen the work that the wake announced.
    Obsolete,
    /// Nothing may leave over the lane before this time: its circuit is open, or the provider asked
    /// for a long pause. No lease was taken. The sweeper wakes the lane then.
    MustWait {
        until_ms: i64,
    },
}

/// A drain that has not reported its end. While its sender may live, that says nothing. Afterwards
/// the sender has crashed, or could not record everything that it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenDrain {
    /// The fence of the drain's lease.
    pub fence: u64,
    /// When the drain took the lease, in Unix milliseconds. It made no claim before.
    pub began_at_ms: i64,
    /// As [`ExpiredLease::confirm_within_ms`].
    pub confirm_within_ms: i64,
}

/// What a lane's row says to a reader who does not hold the lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneState {
    /// The position that the last holder saved.
    pub position: PacerPosition,
    /// When the lease expires; `None` when it was given back.
    pub leased_until_ms: Option<i64>,
    /// The drains that have not reported their end, in the order of their fences.
    pub open_drains: Vec<OpenDrain>,
}

impl LaneState {
    /// Until when nothing may leave over the lane, if that is long enough to end a drain. `None` for
    /// a lane whose lease has expired: a sender has to take it, to recover its claims.
    #[must_use]
    pub fn must_wait_until_ms(&self, now_ms: i64) -> Option<i64> {
        if self.leased_until_ms.is_some_and(|until_ms| until_ms <= now_ms) {
            return None;
        }
        let until_us = self.position.waits_until_us(1000 * now_ms)?;
        Some(until_us.div_euclid(1000) + 1)
    }
}

/// How to take a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    pub now_ms: i64,
    /// When the new lease expires.
    pub until_ms: i64,
    /// The most by which two machines' clocks differ. Another holder's lease counts as expired only
    /// this long after its end.
    pub skew_ms: i64,
    /// The channel's confirmation time, for [`ExpiredLease::confirm_within_ms`].
    pub confirm_within_ms: i64,
    /// A random number that identifies this caller.
    pub holder: u64,
    /// The message group of the wake that started this caller.
    pub group: WakeGroup,
    /// When the wake was sent; `None` when no wake started this caller.
    pub wake_sent_at_ms: Option<i64>,
    /// Takes the lease although nothing may leave yet: an operator has changed the channel.
    pub despite_pause: bool,
}

#[async_trait]
pub trait Lanes: Send + Sync {
    /// Takes the lease if it is free or has expired, and opens a drain. A lease that expired is
    /// taken even while nothing may leave, since its claims have to be recovered.
    async fn acquire(&self, channel: &str, terms: LeaseTerms) -> Result<Acquired, PortError>;

    /// Extends a lease that the caller still holds, and saves the pacer's position.
    async fn renew(
        &self,
        lease: &Lease,
        position: PacerPosition,
        until_ms: i64,
    ) -> Result<Saved, PortError>;

    /// Whether another sender has taken the lane since this lease.
    async fn was_succeeded(&self, lease: &Lease) -> Result<bool, PortError>;

    /// Gives the lease back, and saves the pacer's position. The drain stays open: its last answers
    /// may not be recorded yet.
    async fn release(&self, lease: &Lease, position: PacerPosition) -> Result<Saved, PortError>;

    /// Closes a drain: no claim under this fence is without its record any more. Closing it again
    /// changes nothing.
    async fn close_drain(&self, channel: &str, fence: u64) -> Result<(), PortError>;

    /// The lane's row; `None` when no sender has drained the lane yet.
    async fn lane_state(&self, channel: &str) -> Result<Option<LaneState>, PortError>;
}
