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
}

#[async_trait]
pub trait Lanes: Send + Sync {
    /// Takes the lease if it is free or has expired.
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

    /// Gives the lease back, and saves the pacer's position.
    async fn release(&self, lease: &Lease, position: PacerPosition) -> Result<Saved, PortError>;
}
