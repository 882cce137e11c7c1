//! Step 1 of a drain: take the lane's lease.

use std::time::Duration;

use tokio::time::Instant;

use super::clock::{ClockReading, LeaseValidity, Validity};
use super::dependencies::Sender;
use crate::domain::Channel;
use crate::domain::duration::millis;
use crate::ports::{Acquired, Lease, LeaseTerms, PortError, WakeGroup};

/// The wake queue keeps no wake for longer. An older timestamp comes from a sample event and
/// is ignored.
const WAKE_AGE_MAX_MS: i64 = 300_000;

/// No probe takes longer: a channel's `timeouts.total` is at most ten seconds.
const PROBE_MAX: Duration = Duration::from_secs(12);

/// Pause between two attempts to take the lease.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The wake that a drain follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Woken {
    pub(super) group: WakeGroup,
    pub(super) sent_at_ms: Option<i64>,
    /// An operator has changed the channel.
    pub(super) despite_pause: bool,
}

/// A lease, and for how long this process may rely on it. The validity counts by this process's own
/// clocks, from before the lease was requested.
pub(super) struct HeldLease {
    pub(super) lease: Lease,
    pub(super) validity: Validity,
}

impl HeldLease {
    /// How long the lease lets this sender work, when requests stop this long before its end.
    pub(super) fn lease_validity(&self, lease_left_min: Duration) -> LeaseValidity {
        LeaseValidity {
            may_start_requests: self.validity.shortened(lease_left_min),
            may_write_requests: self.validity,
        }
    }
}

/// Why a sender has no lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLease {
    /// Another sender keeps it, or the wake is obsolete.
    NotNeeded,
    /// Nothing may leave over the lane for a while.
    MustWait,
}

/// Takes the lane's lease; tries for a while when another sender holds it.
pub(super) async fn acquire(
    sender: &Sender,
    channel: &Channel,
    woken: Woken,
) -> Result<Result<HeldLease, NoLease>, PortError> {
    let settings = &sender.settings;
    // No other wake tells of the operator's change, and the holder may be waiting for a probe.
    let acquire_timeout = if woken.despite_pause { PROBE_MAX } else { settings.acquire_timeout };
    let give_up_at = Instant::now() + acquire_timeout;
    // All attempts carry the same number. If the answer to an attempt is lost, the next attempt
    // finds its own number in the lane's row.
    let holder = sender.randomness.next_u64();
    let mut first_unanswered: Option<ClockReading> = None;
    loop {
        let asked = ClockReading::now(&*sender.clock);
        let now_ms = sender.clock.now_ms();
        let terms = LeaseTerms {
            now_ms,
            until_ms: now_ms + millis(settings.lease),
            skew_ms: millis(settings.clock_skew),
            confirm_within_ms: channel.own_confirm_within_ms(),
            holder,
            group: woken.group,
            wake_sent_at_ms: woken.sent_at_ms.filter(|at_ms| now_ms - at_ms <= WAKE_AGE_MAX_MS),
            despite_pause: woken.despite_pause,
        };
        match sender.lanes.acquire(&channel.name, terms).await {
            Ok(Acquired::Leased(lease)) => {
                // The lease may be the one that an unanswered attempt wrote.
                let from = first_unanswered.unwrap_or(asked);
                let validity = Validity { from, duration: settings.lease };
                return Ok(Ok(HeldLease { lease, validity }));
            }
            Ok(Acquired::Obsolete) => return Ok(Err(NoLease::NotNeeded)),
            Ok(Acquired::MustWait { .. }) => return Ok(Err(NoLease::MustWait)),
            Ok(Acquired::Held) if Instant::now() >= give_up_at => {
                return Ok(Err(NoLease::NotNeeded));
            }
            // Errors are retried for longer: without this sender the lane would wait for the
            // sweeper.
            Err(error) if Instant::now() >= give_up_at + settings.acquire_timeout => {
                return Err(error);
            }
            Ok(Acquired::Held) => {}
            Err(_) => first_unanswered = first_unanswered.or(Some(asked)),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}
