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
//! While the provider cannot take messages, step 3 only probes it (`slice/probing.rs`), and messages
//! that have waited too long end (`outage.rs`). A drain that would only wait ends without a
//! successor, and the sweeper wakes the lane for the next probe.
//!
//! `dependencies.rs` holds the ports and the settings of a sender. `clock.rs` and `retry.rs` are used
//! throughout. Whether a message may leave is decided by the predicates of
//! [`hold`](crate::domain::hold), which also tell a person why it waits.
//!
//! Nothing is spawned: dropping the future of a drain stops all of its work.

mod clock;
mod dependencies;
mod handover;
mod in_flight;
mod lease;
mod outage;
mod recovery;
mod retry;
mod slice;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use self::dependencies::{Sender, SenderSettings};
use self::handover::Handover;
use self::in_flight::{Finished, InFlight};
use self::lease::{HeldLease, NoLease, Woken};
use self::retry::retry_unavailable;
use self::slice::{Ending, Slice};
use crate::domain::Channel;
use crate::domain::circuit_breaker::Failure;
use crate::domain::hold::channel_hold;
use crate::ports::{Lease, NotPrepared, PortError, WakeGroup};

/// How long a drain ends late messages whose provider cannot be used at all: less than what a lease
/// lasts.
const END_LATE_MESSAGES_FOR: Duration = Duration::from_secs(4);

/// What a drain did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Messages whose requests departed. Some may have been given up before they were written.
    pub departures: usize,
    /// Claims that a crashed sender had left behind.
    pub recovered_claims: usize,
    /// Another sender kept the lease, or had taken it since the wake was sent.
    pub did_not_get_lease: bool,
    /// Nothing may leave over the lane for a while. The sweeper wakes the lane then.
    pub must_wait: bool,
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
        let woken = Woken { group, sent_at_ms: wake_sent_at_ms, despite_pause: false };
        self.drain_as_woken(channel, woken).await
    }

    /// Drains a channel's lane as [`Self::drain`] after an operator has changed the channel. Probes
    /// the provider at once if the circuit is open. Such a wake is never obsolete: a sender that
    /// took the lane after the change may have ended without a probe.
    ///
    /// # Errors
    /// As [`Self::drain`].
    pub async fn drain_despite_pause(
        &self,
        channel: &str,
        group: WakeGroup,
    ) -> Result<DrainReport, PortError> {
        let woken = Woken { group, sent_at_ms: None, despite_pause: true };
        self.drain_as_woken(channel, woken).await
    }

    async fn drain_as_woken(&self, channel: &str, woken: Woken) -> Result<DrainReport, PortError> {
        let began_at = Instant::now();
        let read_channel = || self.catalog.channel(channel);
        let Some(channel) = retry_unavailable(read_channel).await? else {
            tracing::error!(channel, "a wake names a channel that the catalog does not have");
            return Ok(DrainReport::default());
        };
        if channel_hold(Some(&channel)).is_some() {
            return Ok(DrainReport::default());
        }
        let held = match lease::acquire(self, &channel, woken).await? {
            Ok(held) => held,
            Err(no_lease) => {
                return Ok(DrainReport {
                    did_not_get_lease: true,
                    must_wait: no_lease == NoLease::MustWait,
                    ..DrainReport::default()
                });
            }
        };
        let lease = held.lease.clone();

        let mut report = DrainReport::default();
        let mut in_flight = InFlight::new(
            &channel.name,
            Arc::clone(&self.clock),
            Arc::clone(&self.randomness),
            channel.limit,
            lease.position,
            held.lease_validity(self.settings.lease_left_min),
        );
        if woken.despite_pause {
            in_flight.pacing.probe_now();
        }
        let recovered = &mut report.recovered_claims;
        let ended =
            self.recover_and_send(&channel, held, began_at, &mut in_flight, recovered).await;
        report.departures = in_flight.departure_count();
        report.must_wait = matches!(ended, Ok(Ending::MustWait));

        let handover = Handover::new(self, &lease, woken.group);
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
        let Finished { left_work, has_recorded_all, mut figures } = in_flight.finish().await;
        figures.limit_per_second = limit.per_second;
        figures.unknown += report.recovered_claims as u64;
        self.meter.drained(&lease.channel, self.clock.now_ms(), &figures);
        if left_work && !report.must_wait {
            handover.wake_for_requeued().await;
        }
        // Also after a failure: every claim has ended by now, and the failure itself left none
        // behind. A predecessor's claims are found by the predecessor's own drain.
        if has_recorded_all {
            self.close_drain(&lease).await;
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

    /// Reports that no claim of this drain is without its record. Otherwise the sweeper looks for
    /// such claims.
    async fn close_drain(&self, lease: &Lease) {
        if let Err(error) = self.lanes.close_drain(&lease.channel, lease.fence).await {
            tracing::warn!(
                channel = %lease.channel,
                fence = lease.fence,
                %error,
                "the end of a drain was not recorded: the sweeper looks for claims that it left"
            );
        }
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
                self.cannot_send(channel, &error, in_flight).await;
                return Ok(Ending::MustWait);
            }
        };
        // However long this sender waited for the lease, its last answers have to come before the
        // function's time-out.
        let latest_end = began_at + self.settings.acquire_timeout + self.settings.slice;
        let ends_at = latest_end.min(held.validity.from.at + self.settings.slice);
        let slice = Slice::new(self, channel.clone(), held, provider, ends_at);
        slice.run(in_flight).await
    }

    /// Opens the circuit of a channel whose settings or secret cannot be used. Its messages wait.
    async fn cannot_send(&self, channel: &Channel, error: &NotPrepared, in_flight: &mut InFlight) {
        tracing::error!(
            channel = %channel.name,
            %error,
            "the channel cannot send: its messages wait"
        );
        in_flight.figures.token_request_failed(error.outcome);
        in_flight.pacing.fail(Failure::ClosedDoor);
        let Some(open_since_ms) = in_flight.pacing.circuit_open_since_ms() else { return };
        let until = Instant::now() + END_LATE_MESSAGES_FOR;
        let ending = outage::end_late_messages(self, channel, open_since_ms, until);
        if let Err(error) = ending.await {
            tracing::warn!(
                channel = %channel.name,
                %error,
                "messages that waited too long were not ended: the next probe tries again"
            );
        }
    }
}
