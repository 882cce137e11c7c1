//! When the next request may depart: not before the pacer's slot, and not before the circuit
//! breaker permits it. Both follow the progress of the requests in flight.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::progress::{Progress, ProgressEvent, ProgressReceiver, ProgressReporter};
use crate::domain::circuit_breaker::{CircuitBreaker, Failure, Permit};
use crate::domain::duration::{duration_of_us, millis};
use crate::domain::hold::{LaneHold, circuit_hold, pause_hold};
use crate::domain::pacer::{DepartureNumber, Slot};
use crate::domain::{Pacer, PacerPosition, RateLimit};
use crate::ports::{ConnectionEvent, LaneAdvice, Randomness};
use crate::use_cases::sender::clock::SteadyClock;

/// The pace of one lane.
pub(crate) struct Pacing {
    channel: String,
    clock: SteadyClock,
    randomness: Arc<dyn Randomness>,
    pacer: Pacer,
    circuit_breaker: CircuitBreaker,
    /// Whether one message may depart although the circuit is open.
    may_probe: bool,
    progress: ProgressReceiver,
    has_new_pause: bool,
}

impl Pacing {
    pub(super) fn new(
        channel: &str,
        clock: SteadyClock,
        randomness: Arc<dyn Randomness>,
        limit: RateLimit,
        position: PacerPosition,
    ) -> Self {
        let position = position.no_later_than(clock.now_us());
        Self {
            channel: channel.to_owned(),
            progress: ProgressReceiver::new(clock.clone()),
            clock,
            randomness,
            pacer: Pacer::new(limit, position),
            circuit_breaker: position.circuit_breaker,
            may_probe: false,
            has_new_pause: false,
        }
    }

    /// The even distance between departures at the present pace.
    pub(crate) fn spacing(&self) -> Duration {
        duration_of_us(self.pacer.spacing_us())
    }

    /// The time until the next slot of a message: zero when it may depart now. `None` while only an
    /// answer or an open connection can free a slot, and while the circuit is open, except for the
    /// message of [`Self::allow_probe`].
    pub(crate) fn until_slot(&self) -> Option<Duration> {
        let now_us = self.clock.now_us();
        match (self.pacer.next(), self.circuit_breaker.permit(now_us)) {
            (Slot::At { at_us }, Permit::Now) => Some(duration_of_us(at_us - now_us)),
            (Slot::At { at_us }, Permit::Probe { at_us: due_us }) if self.may_probe => {
                Some(duration_of_us(at_us.max(due_us) - now_us))
            }
            (Slot::AfterProgress, _) | (_, Permit::AfterRequestEnd | Permit::Probe { .. }) => None,
        }
    }

    /// The time until a probe may depart. `None` while the circuit is closed, and while requests
    /// are in flight.
    pub(crate) fn until_probe(&self) -> Option<Duration> {
        let now_us = self.clock.now_us();
        match (self.pacer.next(), self.circuit_breaker.permit(now_us)) {
            (Slot::At { at_us }, Permit::Probe { at_us: due_us }) => {
                Some(duration_of_us(at_us.max(due_us) - now_us))
            }
            (Slot::AfterProgress, _) | (_, Permit::Now | Permit::AfterRequestEnd) => None,
        }
    }

    /// The long pause during which no message departs, if there is one now.
    pub(crate) fn pause(&self) -> Option<LaneHold> {
        let now_us = self.clock.now_us();
        match (self.pacer.next(), self.circuit_breaker.permit(now_us)) {
            (Slot::At { at_us }, Permit::Now) => pause_hold(at_us, now_us),
            (Slot::AfterProgress, _) | (_, Permit::AfterRequestEnd | Permit::Probe { .. }) => None,
        }
    }

    pub(crate) fn is_circuit_open(&self) -> bool {
        circuit_hold(&self.circuit_breaker).is_some()
    }

    /// Since when the circuit has been open, by the wall clock in Unix milliseconds.
    pub(crate) fn circuit_open_since_ms(&self) -> Option<i64> {
        let since_us = self.circuit_breaker.open_since_us()?;
        Some((since_us + self.clock.wall_ahead_us()) / 1000)
    }

    /// The time from which on the next probe may leave, which also tells probes apart. `None` while
    /// the circuit is closed.
    pub(crate) fn next_probe_us(&self) -> Option<i64> {
        self.circuit_breaker.probe_at_us()
    }

    /// Lets the next message depart although the circuit is open, once a probe is due.
    pub(crate) fn allow_probe(&mut self) {
        self.may_probe = true;
    }

    pub(crate) fn forbid_probe(&mut self) {
        self.may_probe = false;
    }

    /// Lets the next probe depart at once: an operator has changed the channel.
    pub(crate) fn probe_now(&mut self) {
        self.circuit_breaker.probe_now();
    }

    /// Opens the circuit, or keeps it open for longer because a probe failed.
    pub(crate) fn fail(&mut self, failure: Failure) {
        let (at_us, jitter_permille) = (self.clock.now_us(), self.randomness.permille());
        self.change_circuit(|breaker| breaker.fail(failure, at_us, jitter_permille));
    }

    /// The position for the lane's row, by the wall clock.
    pub(crate) fn position(&mut self) -> PacerPosition {
        self.apply_reported();
        let circuit_breaker = self.circuit_breaker.to_save(self.clock.now_us());
        let position = PacerPosition { circuit_breaker, ..self.pacer.position() };
        position.handed_over(self.clock.wall_ahead_us())
    }

    /// The limit that is kept at present.
    pub(crate) fn limit(&self) -> RateLimit {
        self.pacer.limit()
    }

    pub(crate) fn set_limit(&mut self, limit: RateLimit) {
        self.pacer.set_limit(limit);
    }

    /// Lets no request depart before this time (Unix milliseconds).
    pub(crate) fn hold_until(&mut self, at_ms: i64) {
        self.pacer.hold(1000 * at_ms);
    }

    /// Now in Unix milliseconds, by the steady or the wall clock, whichever is ahead. A lease whose
    /// end counts from this time outlasts its validity in this process, even if the wall clock is
    /// set back.
    pub(crate) fn latest_now_ms(&self) -> i64 {
        (self.clock.now_us() + self.clock.wall_ahead_us().max(0)) / 1000
    }

    /// Whether the lane has been paused since the last call.
    pub(crate) fn take_new_pause(&mut self) -> bool {
        std::mem::take(&mut self.has_new_pause)
    }

    /// Pauses or slows down as the provider's answer to a departure asks.
    pub(crate) fn apply_advice(&mut self, advice: LaneAdvice, departure: DepartureNumber) {
        let (pause, is_slower, message) = match advice {
            LaneAdvice::Continue => return,
            LaneAdvice::OpenCircuit => {
                self.fail(Failure::ClosedDoor);
                return;
            }
            LaneAdvice::HoldFor(pause) => {
                (pause, false, "the lane pauses: see the line before for the cause")
            }
            LaneAdvice::SlowDown(pause) => (
                pause,
                true,
                "the provider asked for a pause (429): the lane then sends more slowly",
            ),
        };
        tracing::warn!(channel = %self.channel, hold_ms = millis(pause), "{message}");
        self.has_new_pause = true;
        let until_us = self.clock.now_us() + 1000 * millis(pause);
        if is_slower {
            self.pacer.throttled(departure, until_us);
        } else {
            self.pacer.hold(until_us);
        }
    }

    /// A message's request departs. Its progress goes to the reporter.
    pub(super) fn depart(&mut self) -> ProgressReporter {
        let now_us = self.clock.now_us();
        self.may_probe = false;
        self.circuit_breaker.departed(now_us);
        self.progress.reporter(self.pacer.depart(now_us), now_us)
    }

    /// A request without a message departs. It may have to open a connection, and its progress is
    /// not tracked.
    pub(super) fn depart_untracked(&mut self) -> DepartureNumber {
        self.pacer.depart_untracked(self.clock.now_us())
    }

    /// The answer to a request without a message came, or none will come.
    pub(super) fn answered_untracked(&mut self, departure: DepartureNumber) {
        self.pacer.answered(departure, self.clock.now_us());
    }

    /// Messages' requests that have departed and not ended.
    pub(super) fn requests_in_flight(&self) -> usize {
        self.circuit_breaker.in_flight() as usize
    }

    /// Whether a request waits for its connection.
    pub(super) fn is_connecting(&self) -> bool {
        self.pacer.is_connecting()
    }

    /// The next progress of a request in flight. Never `None`.
    pub(super) async fn next_progress(&mut self) -> Option<Progress> {
        self.progress.next().await
    }

    /// Applies all progress that has been reported already.
    pub(super) fn apply_reported(&mut self) {
        while let Some(progress) = self.progress.try_next() {
            self.apply(progress);
        }
    }

    pub(super) fn apply(&mut self, progress: Progress) {
        let Progress { departure, event, at_us } = progress;
        match event {
            ProgressEvent::Connection(ConnectionEvent::Connecting) => {
                self.pacer.connecting(departure);
            }
            ProgressEvent::Connection(ConnectionEvent::Connected) => {
                self.pacer.connected(departure, at_us);
            }
            ProgressEvent::Ended(end, advice) => {
                self.pacer.answered(departure, at_us);
                let jitter_permille = self.randomness.permille();
                self.change_circuit(|breaker| breaker.ended(end, at_us, jitter_permille));
                self.apply_advice(advice, departure);
            }
        }
    }

    /// Changes the circuit breaker, and takes note when the circuit opens, closes, or stays open for
    /// longer.
    fn change_circuit(&mut self, change: impl FnOnce(&mut CircuitBreaker)) {
        let before = self.next_probe_us();
        change(&mut self.circuit_breaker);
        let after = self.next_probe_us();
        if before == after {
            return;
        }
        // Saved soon with the lease, it outlasts a crash of this sender.
        self.has_new_pause = true;
        let channel = &self.channel;
        let until_probe_ms = after.map(|at_us| (at_us - self.clock.now_us()) / 1000);
        match (before, after) {
            (None, _) => tracing::error!(
                %channel,
                until_probe_ms,
                "the circuit is open: the provider takes no messages now. They wait, and the lane \
                 probes the provider"
            ),
            (Some(_), Some(_)) => {
                tracing::warn!(%channel, until_probe_ms, "a probe failed: the circuit stays open");
            }
            (Some(_), None) => {
                tracing::warn!(%channel, "the provider answers again: the circuit is closed");
            }
        }
    }
}
