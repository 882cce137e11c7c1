//! The sender drains one lane: it sends the lane's queued messages at the provider's pace. One
//! process at a time drains a lane.
//!
//! [`Sender::drain`], top to bottom:
//!
//! 1. `lease.rs`: take the lane's lease.
//! 2. `recovery.rs`: if the last holder's lease expired, find the claims that it left behind.
//! 3. `slice/`: until the slice is over, read the heads of the queue and claim them shortly before
//!    their slots.
//! 4. `in_flight/`: meanwhile, each claimed message departs in its slot, and its answer is
//!    recorded.
//! 5. `handover.rs`: save the pacer's position, free the lease, and wake the successor. The last
//!    answers are awaited only then, while the successor is already at work.
//!
//! `dependencies.rs` holds the ports and the settings of a sender. `hours.rs` applies the sending
//! hours of the present configuration. `clock.rs` and `retry.rs` are used throughout.
//!
//! Nothing is spawned: dropping the future of a drain stops all of its work.

mod clock;
mod dependencies;
mod handover;
mod hours;
mod in_flight;
mod lease;
mod recovery;
mod retry;
mod slice;

use std::sync::Arc;

use tokio::time::Instant;

pub use self::dependencies::{Sender, SenderSettings};
use self::handover::Handover;
use self::in_flight::InFlight;
use self::lease::HeldLease;
use self::retry::retry_unavailable;
use self::slice::{Ending, Slice};
use crate::domain::Channel;
use crate::ports::{PortError, WakeGroup};

/// What a drain did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Messages whose requests departed. Some may have been given up before they were written.
    pub departures: usize,
    /// Claims that a crashed sender had left behind.
    pub recovered_claims: usize,
    /// Another sender kept the lease, or had taken it since the wake was sent.
    pub did_not_get_lease: bool,
}

impl Sender {
    /// Drains a channel's lane for one slice at most.
    ///
    /// `wake_sent_at_ms` is when the wake was sent. A wake that was sent before another sender took
    /// the lane is obsolete: of a busy lane, one wake a second waits in the queue.
    ///
    /// # Errors
    /// [`PortError`] when the store failed; what had been sent is recorded as far as possible.
    pub async fn drain(
        &self,
        channel: &str,
        group: WakeGroup,
        wake_sent_at_ms: Option<i64>,
    ) -> Result<DrainReport, PortError> {
        let began_at = Instant::now();
        let read_channel = || self.catalog.channel(channel);
        let Some(channel) = retry_unavailable(read_channel).await? else {
            tracing::error!(channel, "a wake names a channel that the catalog does not have");
            return Ok(DrainReport::default());
        };
        if channel.paused {
            return Ok(DrainReport::default());
        }
        let Some(held) = lease::acquire(self, &channel, group, wake_sent_at_ms).await? else {
            return Ok(DrainReport { did_not_get_lease: true, ..DrainReport::default() });
        };
        let lease = held.lease.clone();

        let mut report = DrainReport::default();
        let mut in_flight = InFlight::new(
            &channel.name,
            Arc::clone(&self.clock),
            channel.limit,
            lease.position,
            held.lease_validity(self.settings.lease_left_min),
        );
        let recovered = &mut report.recovered_claims;
        let ended =
            self.recover_and_send(&channel, held, began_at, &mut in_flight, recovered).await;
        report.departures = in_flight.departure_count();

        let handover = Handover::new(self, &lease, group);
        let released = match &ended {
            Ok(_) => handover.release(&mut in_flight).await,
            // A failed drain keeps its lease until it expires: it may have made claims that it does
            // not know of. The next holder of an expired lease looks for them.
            Err(_) => Ok(()),
        };
        let needs_successor = matches!(ended, Ok(Ending::SliceOver)) && released.is_ok();
        if needs_successor {
            handover.wake_successor(&mut in_flight).await;
        }
        let woken_at = Instant::now();
        let limit = in_flight.pacing.limit();
        let (left_work, mut figures) = in_flight.finish().await;
        figures.limit_per_second = limit.per_second;
        figures.unknown += report.recovered_claims as u64;
        self.meter.drained(&lease.channel, self.clock.now_ms(), &figures);
        if left_work {
            handover.wake_for_requeued().await;
        }
        if needs_successor {
            handover.ensure_successor(woken_at).await;
        }

        tracing::info!(
            channel = %lease.channel,
            fence = lease.fence,
            departures = report.departures,
            recovered_claims = report.recovered_claims,
            "drained"
        );
        ended?;
        released?;
        Ok(report)
    }

    /// Steps 2 to 4: everything that the lease is needed for.
    async fn recover_and_send(
        &self,
        channel: &Channel,
        held: HeldLease,
        began_at: Instant,
        in_flight: &mut InFlight,
        recovered_claims: &mut usize,
    ) -> Result<Ending, PortError> {
        if let Some(expired) = held.lease.predecessor {
            recovery::hold_strict_lane(self, channel, expired, in_flight);
            recovery::recover_orphaned_claims(self, &held.lease, expired, recovered_claims).await?;
        }
        let provider = match self.providers.provider(channel).await {
            Ok(provider) => provider,
            Err(error) => {
                // No message is lost: the sweeper wakes the lane again.
                tracing::error!(channel = %channel.name, %error, "the channel cannot send");
                return Ok(Ending::Idle);
            }
        };
        // However long this sender waited for the lease, its last answers have to come before the
        // function's time-out.
        let latest_end = began_at + self.settings.acquire_timeout + self.settings.slice;
        let ends_at = latest_end.min(held.validity.from.at + self.settings.slice);
        let slice = Slice::new(self, channel.clone(), held, provider, ends_at);
        slice.run(in_flight).await
    }
}
