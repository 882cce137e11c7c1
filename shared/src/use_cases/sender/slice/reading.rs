//! When the heads of the queue are read.

use std::time::Duration;

use tokio::time::Instant;

use super::Slice;
use super::claiming::{claim_ahead, departures_within};
use crate::ports::PortError;
use crate::use_cases::sender::in_flight::InFlight;

/// How often the lane's window classes are read again.
const READ_CLASSES_EVERY: Duration = Duration::from_secs(1);
/// Real-time messages are read at most this many times as often as the other heads.
const REAL_TIME_READS: u32 = 6;
/// Added to each page of heads: the index may still show messages that have departed.
const PAGE_MARGIN: usize = 5;

impl Slice<'_> {
    /// Reads the lane's window classes again when it is time.
    pub(super) async fn read_classes(&mut self, in_flight: &mut InFlight) -> Result<(), PortError> {
        let at = Instant::now();
        if at < self.next_classes_read_at {
            return Ok(());
        }
        self.next_classes_read_at = at + READ_CLASSES_EVERY;
        let reading = self.sender.classes.classes(&self.lane.channel.name);
        let classes = in_flight.drive_until(reading).await?;
        self.heads.add_classes(classes);
        self.keep_claiming(in_flight);
        Ok(())
    }

    /// Reads the heads of the queue again when it is time: a real-time message must not wait behind
    /// a page that was read before it was queued.
    pub(super) async fn read_heads(&mut self, in_flight: &mut InFlight) -> Result<(), PortError> {
        let sender = self.sender;
        let now = self.now();
        if self.heads.next_read_at(now).is_none_or(|read_at| read_at > Instant::now()) {
            return Ok(());
        }
        let read_every = sender.settings.read_heads_every;
        let limit = self.claimed_within(read_every, in_flight);
        let reading = self.heads.read(&*sender.agenda, now, read_every, limit);
        in_flight.drive_until(reading).await
    }

    /// Reads the first real-time messages before a claim that is made at this time, if there is
    /// anything to claim. Returns when that has to begin, unless it has begun.
    pub(super) fn read_real_time_before(
        &mut self,
        claim_at: Instant,
        in_flight: &InFlight,
    ) -> Option<Instant> {
        if !in_flight.ready.is_open() || self.heads.is_empty(self.now()) {
            return None;
        }
        let pause = self.sender.settings.read_heads_every / REAL_TIME_READS;
        let read_at = self.real_time.next_at(claim_at, pause)?;
        if read_at > Instant::now() {
            return Some(read_at);
        }
        let limit = self.claimed_within(pause, in_flight);
        self.real_time.begin(&self.sender.agenda, limit);
        None
    }

    /// Takes in the real-time messages that were read last.
    pub(super) fn add_real_time(&mut self) {
        if let Some(found) = self.real_time.take() {
            self.heads.add_real_time(found, self.sender.settings.read_heads_every);
        }
    }

    /// How many messages a page holds: those that can be claimed within a duration.
    fn claimed_within(&self, duration: Duration, in_flight: &InFlight) -> usize {
        let channel = &self.lane.channel;
        departures_within(duration + claim_ahead(in_flight), channel) + PAGE_MARGIN
    }
}
