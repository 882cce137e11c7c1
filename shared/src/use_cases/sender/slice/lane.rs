//! The lane as its sender holds it: the lease, which is renewed, and the channel's configuration,
//! which is read again.

use tokio::time::Instant;

use super::ending::{Ending, Stop};
use crate::domain::Channel;
use crate::domain::duration::millis;
use crate::domain::hold::channel_hold;
use crate::ports::Saved;
use crate::use_cases::sender::clock::{ClockReading, Validity};
use crate::use_cases::sender::dependencies::Sender;
use crate::use_cases::sender::in_flight::InFlight;
use crate::use_cases::sender::lease::HeldLease;

/// The lane of one slice.
pub(super) struct Lane<'a> {
    sender: &'a Sender,
    pub(super) channel: Channel,
    held: HeldLease,
    renew_at: Instant,
    next_channel_read_at: Instant,
    /// Whether the channel connects otherwise now, and a probe is still under way.
    has_new_connection: bool,
}

impl<'a> Lane<'a> {
    pub(super) fn new(sender: &'a Sender, channel: Channel, held: HeldLease, now: Instant) -> Self {
        Self {
            // Counts from the request for the lease: recovery may have taken time since then.
            renew_at: held.validity.from.at + sender.settings.renew_every,
            // At once: the channel was read before this sender waited for the lease.
            next_channel_read_at: now,
            has_new_connection: false,
            sender,
            channel,
            held,
        }
    }

    /// When the lease has to be renewed, or the channel to be read again.
    pub(super) fn next_upkeep_at(&self) -> Instant {
        self.renew_at.min(self.next_channel_read_at)
    }

    /// Lets the lease be renewed in the next round.
    pub(super) fn renew_soon(&mut self) {
        self.renew_at = Instant::now();
    }

    /// Whether the lease has not expired, by this sender's own clocks.
    pub(super) fn may_hold_lease(&self) -> bool {
        !self.held.validity.left(&*self.sender.clock).is_zero()
    }

    /// Renews the lease when it is time, and saves the pacer's position with it.
    pub(super) async fn keep_lease(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        // A process that was frozen, or whose clock was set, renews at once.
        if Instant::now() < self.renew_at && !in_flight.ready.is_lease_over() {
            return Ok(());
        }
        let settings = self.sender.settings;
        let asked = ClockReading::now(&*self.sender.clock);
        let until_ms = in_flight.pacing.latest_now_ms() + millis(settings.lease);
        let position = in_flight.pacing.position();
        let renewal = self.sender.lanes.renew(&self.held.lease, position, until_ms);
        match in_flight.drive_until(renewal).await? {
            Saved::Done => {
                self.held.validity = Validity { from: asked, duration: settings.lease };
                in_flight.ready.renew_lease(self.held.lease_validity(settings.lease_left_min));
                self.renew_at = asked.at + settings.renew_every;
                Ok(())
            }
            Saved::Conflict => {
                tracing::warn!(channel = %self.channel.name, "another sender took over the lease");
                Err(Stop::Ended(Ending::LeaseLost))
            }
        }
    }

    /// Reads the channel again when it is time, and applies a changed limit and changed permitted
    /// addresses. Returns whether the sending hours changed. The rest of the configuration takes
    /// effect with the next slice, which begins at once if the circuit is open: the change may be
    /// what the provider waits for.
    pub(super) async fn follow_channel(
        &mut self,
        now: Instant,
        in_flight: &mut InFlight,
    ) -> Result<bool, Stop> {
        let is_due =
            now >= self.next_channel_read_at || (self.has_new_connection && in_flight.is_empty());
        if !is_due {
            return Ok(false);
        }
        self.next_channel_read_at = now + self.sender.settings.read_channel_every;
        let reading = self.sender.catalog.channel(&self.channel.name);
        match in_flight.drive_until(reading).await? {
            Some(channel) if channel_hold(Some(&channel)).is_none() => {
                let connects_otherwise = channel.provider != self.channel.provider
                    || channel.timeouts != self.channel.timeouts;
                self.has_new_connection = connects_otherwise && in_flight.pacing.is_circuit_open();
                if self.has_new_connection && in_flight.is_empty() {
                    in_flight.pacing.probe_now();
                    return Err(Stop::Ended(Ending::SliceOver));
                }
                if channel.limit != self.channel.limit {
                    in_flight.pacing.set_limit(channel.limit);
                }
                let hours_changed = channel.window != self.channel.window
                    || channel.timezone != self.channel.timezone;
                self.channel.limit = channel.limit;
                self.channel.only_to = channel.only_to;
                self.channel.window = channel.window;
                self.channel.timezone = channel.timezone;
                Ok(hours_changed)
            }
            Some(_) | None => Err(Stop::Ended(Ending::Stopped)),
        }
    }
}
