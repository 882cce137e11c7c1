//! While the circuit is open, messages wait in their queue, and the lane only probes the provider.
//!
//! Each round, top to bottom ([`Slice::probe_when_due`]):
//!
//! 1. Put back what is claimed, and wait for the requests in flight.
//! 2. Wait for the time of the probe. If that is long, end the drain.
//! 3. Make a request that sends no message.
//! 4. Send one message: the least urgent one, since its outcome may stay unknown.
//!
//! An answer to the message closes the circuit. A failure of 3 or 4 makes the next pause longer, and
//! ends the messages that have waited too long. Without a failed probe nobody knows whether the
//! provider is still down: an idle lane keeps its circuit open overnight.

use std::time::Duration;

use tokio::time::Instant;

use super::Slice;
use super::claiming::claim_ahead;
use super::ending::{Ending, Stop};
use super::probe_progress::Probing;
use crate::domain::NotificationId;
use crate::domain::circuit_breaker::Failure;
use crate::domain::duration::duration_of_us;
use crate::domain::pacer::WAIT_IN_DRAIN_US;
use crate::ports::{AgendaEntry, LaneAdvice, PortError};
use crate::use_cases::sender::in_flight::InFlight;
use crate::use_cases::sender::outage::LateMessages;

/// A probe begins only with this much of the slice left. Its last answer then comes as early as that
/// of any other slice.
const SLICE_LEFT_MIN: Duration = Duration::from_secs(5);
/// How soon the queue is searched again when it holds no message for the probe. The index may be late.
const SEARCH_AGAIN_AFTER: Duration = Duration::from_millis(500);

impl Slice<'_> {
    /// One round of the slice while the circuit is open.
    pub(super) async fn probe_when_due(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        in_flight.pacing.forbid_probe();
        in_flight.put_back_ready();
        let until_probe = in_flight.pacing.until_probe();
        let (true, Some(wait)) = (in_flight.is_empty(), until_probe) else {
            in_flight.next_event_or(tokio::time::sleep_until(self.lane.next_upkeep_at())).await;
            return Ok(());
        };
        if self.probing.due_us != in_flight.pacing.next_probe_us() {
            let due_us = in_flight.pacing.next_probe_us();
            let has_failed = self.probing.due_us.is_some();
            self.probing = Probing { due_us, has_failed, ..Probing::default() };
        }
        if self.probing.has_failed && !self.probing.has_ended_late_messages {
            self.end_late_messages(in_flight).await?;
            return Ok(());
        }
        // In a slow lane, the message's slot may come long after the one of the request before it.
        if wait > duration_of_us(WAIT_IN_DRAIN_US) && !self.probing.has_answered {
            return Err(Stop::Ended(Ending::MustWait));
        }
        if !wait.is_zero() {
            self.next_event_before(Instant::now() + wait, in_flight).await;
            return Ok(());
        }
        if !self.has_time_for_probe() {
            let has_nothing_to_send =
                self.probing.search_again_at.is_some() && !self.work_comes_soon();
            return Err(Stop::Ended(if has_nothing_to_send {
                Ending::Idle
            } else {
                Ending::SliceOver
            }));
        }
        if !self.probing.has_answered && !self.is_answered(in_flight).await {
            return Ok(());
        }
        if !self.is_prepared(in_flight).await? {
            return Ok(());
        }
        self.send_least_urgent(in_flight).await
    }

    /// Whether the last answer to a probe that begins now comes before the slice ends.
    fn has_time_for_probe(&self) -> bool {
        let slice_left = self.ends_at.saturating_duration_since(Instant::now());
        slice_left >= SLICE_LEFT_MIN.min(self.sender.settings.slice / 2)
    }

    async fn end_late_messages(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        let Some(since_ms) = in_flight.pacing.circuit_open_since_ms() else { return Ok(()) };
        let beginning = LateMessages::of(self.sender, &self.lane.channel, since_ms);
        let mut late = in_flight.drive_until(beginning).await?;
        while in_flight.drive_until(late.end_next_page()).await? {
            self.end_if_over(in_flight)?;
            self.renew_lease_and_reread_channel(in_flight).await?;
        }
        self.probing.has_ended_late_messages = true;
        Ok(())
    }

    /// Makes a request without a message, and returns whether the provider answered that it can take
    /// messages.
    async fn is_answered(&mut self, in_flight: &mut InFlight) -> bool {
        // A process that was frozen meanwhile has to renew its lease first.
        if in_flight.ready.is_lease_over() {
            return false;
        }
        let request = self.provider.probe();
        let (probed, departure) = in_flight.make_token_request(request).await;
        self.probing.has_answered = probed.is_ok();
        let Err(error) = probed else { return true };
        tracing::warn!(
            channel = %self.lane.channel.name,
            %error,
            "the provider was probed without a message and cannot take any"
        );
        in_flight.token_request_failed(&error, departure);
        match error.advice {
            // Otherwise, the probe would be repeated as soon as the lane's pause allows.
            LaneAdvice::Continue | LaneAdvice::SlowDown(_) => {
                in_flight.pacing.fail(Failure::ClosedDoor);
            }
            // A pause is this process's own: it says nothing about the provider.
            LaneAdvice::OpenCircuit | LaneAdvice::HoldFor(_) => {}
        }
        false
    }

    /// Sends the least urgent message that can be claimed. Without one, the drain ends after a
    /// while, and the circuit stays open: the next message is the probe.
    async fn send_least_urgent(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        self.queue_due_messages(in_flight).await?;
        self.read_classes(in_flight).await?;
        self.review_closed_classes(in_flight).await?;
        if self.probing.search_again_at.is_none_or(|search_at| search_at <= Instant::now()) {
            if self.find_and_send(in_flight).await? {
                return Ok(());
            }
            self.probing.search_again_at = Some(Instant::now() + SEARCH_AGAIN_AFTER);
        }
        let is_idle = self.last_work_at.elapsed() >= self.sender.settings.idle_timeout;
        if is_idle && self.review.has_ended() && !self.work_comes_soon() {
            return Err(Stop::Ended(Ending::Idle));
        }
        let next_at = self.probing.search_again_at.into_iter().chain([self.review.next_at()]).min();
        self.next_event_before(next_at.unwrap_or(self.ends_at), in_flight).await;
        Ok(())
    }

    /// Searches the queue for the least urgent message that can be claimed, and sends it. Returns
    /// whether a request departed.
    async fn find_and_send(&mut self, in_flight: &mut InFlight) -> Result<bool, Stop> {
        self.heads.read_all_next();
        self.read_heads(in_flight).await?;
        while let Some(AgendaEntry { id, .. }) = self.least_urgent(in_flight).await? {
            // Thousands of messages may have expired, or belong to a closed class by now.
            if !self.has_time_for_probe() {
                return Err(Stop::Ended(Ending::SliceOver));
            }
            self.renew_lease_and_reread_channel(in_flight).await?;
            self.wait_until_slot_is_near(in_flight).await?;
            if self.send_alone(id.clone(), in_flight).await? {
                return Ok(true);
            }
            // After a write that failed, the same message is tried again.
            let has_write_failed = in_flight.claims.not_before() > Instant::now();
            if !has_write_failed {
                self.probing.unclaimable.insert(id);
            }
        }
        Ok(false)
    }

    async fn least_urgent(
        &self,
        in_flight: &mut InFlight,
    ) -> Result<Option<AgendaEntry>, PortError> {
        let now = self.now();
        let unclaimable = &self.probing.unclaimable;
        let reading = self.heads.last(&*self.sender.agenda, now, unclaimable);
        if let Some(last) = in_flight.drive_until(reading).await? {
            return Ok(Some(last));
        }
        // The last messages of each class cannot be claimed, perhaps because of one broken template.
        let heads = self.heads.entries_of_open_classes(now).into_iter();
        Ok(heads.filter(|head| !unclaimable.contains(&head.id)).max())
    }

    /// A message may be claimed only shortly before its slot.
    async fn wait_until_slot_is_near(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        loop {
            let until_slot = in_flight.pacing.until_probe().unwrap_or_default();
            let until_claim = until_slot.saturating_sub(claim_ahead(in_flight));
            let claim_at = (Instant::now() + until_claim).max(in_flight.claims.not_before());
            if claim_at <= Instant::now() {
                return Ok(());
            }
            self.next_event_before(claim_at, in_flight).await;
            self.renew_lease_and_reread_channel(in_flight).await?;
        }
    }

    /// Claims a message and sends it, while nothing else is in flight. Returns whether its request
    /// departed.
    async fn send_alone(
        &mut self,
        id: NotificationId,
        in_flight: &mut InFlight,
    ) -> Result<bool, Stop> {
        let departed_before = in_flight.departure_count();
        in_flight.claim(self.claiming.claim(id, &self.lane.channel));
        in_flight.ready.open();
        in_flight.pacing.allow_probe();
        while !in_flight.is_empty() {
            in_flight.next_event_or(tokio::time::sleep_until(self.lane.next_upkeep_at())).await;
            self.renew_lease_and_reread_channel(in_flight).await?;
        }
        in_flight.ready.close();
        in_flight.pacing.forbid_probe();
        Ok(in_flight.departure_count() > departed_before)
    }

    /// Waits for the next event in flight or the next upkeep, until this time at the latest.
    async fn next_event_before(&self, at: Instant, in_flight: &mut InFlight) {
        let at = at.min(self.lane.next_upkeep_at());
        in_flight.next_event_or(tokio::time::sleep_until(at)).await;
    }
}
