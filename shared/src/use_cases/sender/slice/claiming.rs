//! Which heads of the queue are claimed, and how long before their slots.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::heads::Heads;
use crate::domain::duration::timestamp_of_us;
use crate::domain::{Channel, NotificationId};
use crate::ports::Provider;
use crate::use_cases::apply::Apply;
use crate::use_cases::catalog_cache::CatalogCache;
use crate::use_cases::sender::clock::ClockReading;
use crate::use_cases::sender::dependencies::Sender;
use crate::use_cases::sender::hours::CurrentHours;
use crate::use_cases::sender::in_flight::InFlight;
use crate::use_cases::sender::in_flight::claim::Claim;

/// Messages are claimed at least this long before their slots: a message that is not claimed in
/// time misses its slot. Real-time messages overtake what is not claimed yet, so they wait for this
/// time too.
const CLAIM_AHEAD_MIN: Duration = Duration::from_millis(15);
/// Added to twice the time that a claim takes on average. A claim that takes even longer costs
/// nothing yet: the pacer lets a departure catch up by 10 ms.
const CLAIM_MARGIN: Duration = Duration::from_millis(3);
/// Messages are claimed at most this long before their slots: no other message can overtake a
/// claimed one.
const CLAIM_AHEAD_MAX: Duration = Duration::from_millis(500);

/// What the claims of one slice have in common.
pub(super) struct Claiming<'a> {
    pub(super) sender: &'a Sender,
    pub(super) apply: Apply,
    pub(super) hours: Arc<CurrentHours>,
    pub(super) catalog: Arc<CatalogCache>,
    pub(super) provider: Arc<dyn Provider>,
    /// The fencing number of the lease.
    pub(super) fence: u64,
}

impl Claiming<'_> {
    /// Claims the heads whose slots are near.
    pub(super) fn claim_heads(
        &self,
        heads: &mut Heads,
        channel: &Channel,
        in_flight: &mut InFlight,
    ) {
        if Instant::now() < in_flight.claims.not_before() {
            return;
        }
        while let Some(until_slot) = until_unclaimed_slot(in_flight) {
            if until_slot > claim_ahead(in_flight) || self.is_full(channel, in_flight) {
                return;
            }
            let now = timestamp_of_us(self.sender.clock.now_us());
            let Some(head) = heads.take(now) else { return };
            // A late index shows messages that were taken before.
            if !in_flight.contains(&head.id) {
                in_flight.claim(self.claim(head.id, channel));
            }
        }
    }

    /// When the next head can be claimed. `None` while only the end of a request or of a claim can
    /// make that possible, which wakes the slice.
    pub(super) fn next_claim_at(&self, channel: &Channel, in_flight: &InFlight) -> Option<Instant> {
        let is_full = self.is_full(channel, in_flight);
        let until_slot = until_unclaimed_slot(in_flight).filter(|_| !is_full)?;
        let wait = until_slot.saturating_sub(claim_ahead(in_flight));
        // Never at once: everything that can be claimed now has been claimed.
        let next_at = Instant::now() + wait.max(Duration::from_millis(1));
        Some(next_at.max(in_flight.claims.not_before()))
    }

    /// Whether no further request may be started. More requests than fit into the time-out would
    /// only pile up at a provider that has become slow.
    fn is_full(&self, channel: &Channel, in_flight: &InFlight) -> bool {
        let total_timeout_s = self.provider.total_timeout().as_secs_f64();
        let within_timeout = round_up(f64::from(channel.limit.per_second) * total_timeout_s);
        let requests_max = within_timeout.clamp(1, self.sender.settings.in_flight_max);
        in_flight.unrecorded_count() + in_flight.not_departed_count() >= requests_max
    }

    pub(super) fn claim(&self, id: NotificationId, channel: &Channel) -> Claim {
        Claim {
            id,
            claimed_at: ClockReading::now(&*self.sender.clock),
            fence: self.fence,
            jitter_permille: self.sender.randomness.permille(),
            age_max: self.sender.settings.claim_age_max,
            channel: channel.clone(),
            hours: Arc::clone(&self.hours),
            catalog: Arc::clone(&self.catalog),
            provider: Arc::clone(&self.provider),
            notifications: Arc::clone(&self.sender.notifications),
            apply: self.apply.clone(),
            clock: Arc::clone(&self.sender.clock),
        }
    }
}

/// How long before their slots messages are claimed: a little more than twice as long as a claim
/// takes, within bounds.
pub(super) fn claim_ahead(in_flight: &InFlight) -> Duration {
    let twice = in_flight.claims.average_duration() * 2;
    (twice + CLAIM_MARGIN).clamp(CLAIM_AHEAD_MIN, CLAIM_AHEAD_MAX)
}

/// How many messages can depart within a duration, rounded up.
pub(super) fn departures_within(duration: Duration, channel: &Channel) -> usize {
    round_up(duration.as_secs_f64() * f64::from(channel.limit.per_second))
}

/// The time until the first slot that no claimed message takes. `None` while only an answer or an
/// open connection can free a slot.
fn until_unclaimed_slot(in_flight: &InFlight) -> Option<Duration> {
    let ahead = u32::try_from(in_flight.not_departed_count()).unwrap_or(u32::MAX);
    let until_slot = in_flight.pacing.until_slot()?;
    Some(until_slot + in_flight.pacing.spacing() * ahead)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few thousand at most, and never negative"
)]
fn round_up(count: f64) -> usize {
    count.ceil() as usize
}
