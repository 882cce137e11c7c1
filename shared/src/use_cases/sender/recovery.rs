//! Step 2 of a drain: after a lease that expired, find the claims that its holder left behind.

use std::time::Duration;

use super::dependencies::Sender;
use super::in_flight::InFlight;
use crate::domain::agenda::{confirm_partition, just_after, sort_at};
use crate::domain::duration::millis;
use crate::domain::{Channel, Event, claim_deadlines_ms};
use crate::ports::{ExpiredLease, Lease, PortError};

const PAGE: usize = 100;

/// Added to the time-out of requests: together an upper bound for a request's transit to the
/// provider.
const TRANSIT_MARGIN: Duration = Duration::from_secs(1);

/// Holds a strict lane until the requests of the crashed sender have arrived or timed out.
///
/// The crashed sender started no request in the last two seconds of its lease, and the lease could
/// be taken over only after the allowed clock difference on top. For other lanes that is distance
/// enough. A strict lane assumes nothing about how long a request takes to arrive.
pub(super) fn hold_strict_lane(
    sender: &Sender,
    channel: &Channel,
    expired: ExpiredLease,
    in_flight: &mut InFlight,
) {
    if channel.limit.strict {
        let transit_max = channel.timeouts.total.unsigned_abs() + TRANSIT_MARGIN;
        let after_expiry = transit_max.saturating_sub(sender.settings.lease_left_min);
        in_flight.pacing.hold_until(expired.lease_until_ms + millis(after_expiry));
    }
}

/// Turns the messages that the crashed sender left `sending` into `unknown`, and counts them in
/// `recovered`.
///
/// It finds them by their deadlines. How long after its claim a message's deadline lies follows
/// from the confirmation time that the expired lease names and from the message's channel type. The
/// index may not show a recent claim yet: the sweeper finds that claim later.
pub(super) async fn recover_orphaned_claims(
    sender: &Sender,
    lease: &Lease,
    expired: ExpiredLease,
    recovered: &mut usize,
) -> Result<(), PortError> {
    for within_ms in claim_deadlines_ms(expired.confirm_within_ms) {
        recover_claims_with(within_ms, sender, lease, expired, recovered).await?;
    }
    Ok(())
}

/// Recovers the claims whose deadlines lie this long after them.
async fn recover_claims_with(
    within_ms: i64,
    sender: &Sender,
    lease: &Lease,
    expired: ExpiredLease,
    recovered: &mut usize,
) -> Result<(), PortError> {
    let apply = sender.apply_within_lane(&lease.channel);
    let partition = confirm_partition(&lease.channel);
    let skew_ms = millis(sender.settings.clock_skew);
    let mut from = sort_at(expired.unrecovered_since_ms + within_ms);
    let until = sort_at(expired.lease_until_ms + within_ms + skew_ms);
    loop {
        let claims = sender.agenda.entries(&partition, Some(&from), Some(&until), PAGE).await?;
        let Some(latest) = claims.last() else { return Ok(()) };
        from = just_after(&latest.sort);
        let event = Event::SenderLost { fence: lease.fence, at_ms: sender.clock.now_ms() };
        let mut moved = Vec::new();
        let applied = apply.apply_all(&claims, &event, &mut moved).await;
        for notification in moved {
            *recovered += 1;
            tracing::warn!(
                channel = %lease.channel,
                notification = %notification.id,
                "the sender crashed after it claimed the message: the message may have been sent"
            );
        }
        applied?;
    }
}
