//! When the next request may leave.
//!
//! Let N be the provider's limit a second, and J the channel's jitter allowance in seconds.
//! Departure i + N comes at least 1 + J seconds after departure i. Different transit times shorten
//! that distance by at most J, so no sliding second at the provider sees more than N arrivals.
//!
//! Within this rule, departures are spread evenly on a schedule, (1 + J) / N apart. A sender that
//! wakes up a little late does not move the schedule: it may catch up by `CATCH_UP_US`. Otherwise
//! the lateness of timers would cost a tenth of the limit at 200 a second.
//!
//! The jitter allowance covers the transit over an open connection. A request that has to open a
//! connection first counts from when that connection was open, and departure i + N waits for it.
//!
//! A *strict* pacer assumes nothing about transit times: departure i + N comes at least one second
//! after the *answer* to request i. An answer never comes before its request has arrived.
//!
//! After the provider refused a request for exceeding the limit, the lane sends slower for a while:
//! see [`SlowDown`].
//!
//! Times here are Unix microseconds.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::circuit_breaker::CircuitBreaker;
use super::rate_limit::RateLimit;
use super::slow_down::SlowDown;

/// How late a departure may be without moving the schedule.
const CATCH_UP_US: i64 = 10_000;
const SECOND_US: i64 = 1_000_000;
/// The longest pause that a provider can ask for. Longer ones are shortened to this.
const PAUSE_MAX_US: i64 = 300 * SECOND_US;
/// No request lasts longer: a channel's `timeouts.total` is at most ten seconds.
const REQUEST_MAX_US: i64 = 10 * SECOND_US;
/// By how much the clocks of two senders may differ.
const CLOCK_SKEW_US: i64 = SECOND_US;
/// How long a drain waits for the time at which the next request may leave. Ending the drain and
/// starting another one costs more than a shorter wait.
pub const WAIT_IN_DRAIN_US: i64 = 4 * SECOND_US;

/// Whether something that may leave at a time has to wait for longer than a drain waits.
#[must_use]
pub fn is_long_wait(at_us: i64, now_us: i64) -> bool {
    at_us.saturating_sub(now_us) > WAIT_IN_DRAIN_US
}

/// What a successor needs in order to continue where its predecessor stopped. Times are Unix
/// microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacerPosition {
    /// No request may leave before this.
    pub next_at_us: i64,
    /// By how much the lane sends slower than its limit.
    #[serde(default)]
    pub slow_down: SlowDown,
    #[serde(default)]
    pub circuit_breaker: CircuitBreaker,
    /// The limit that the predecessor kept.
    #[serde(default)]
    pub per_second: u32,
}

impl PacerPosition {
    /// Limits how far in the future the position is: no further than a provider's longest pause
    /// plus the longest request. A correct clock never wrote a later position; a predecessor's
    /// clock may have been wrong.
    #[must_use]
    pub fn no_later_than(self, now_us: i64) -> Self {
        let latest_us = now_us + PAUSE_MAX_US + REQUEST_MAX_US;
        Self {
            next_at_us: self.next_at_us.min(latest_us),
            circuit_breaker: self.circuit_breaker.no_later_than(now_us),
            ..self
        }
    }

    /// Until when nothing may leave: until the provider may be probed, or until a pause is over.
    /// `None` if a drain can wait for that itself.
    ///
    /// No correct clock wrote a time that [`no_later_than`](Self::no_later_than) would change, so
    /// nobody waits for such a time. The sender that takes the lease corrects it.
    #[must_use]
    pub fn waits_until_us(self, now_us: i64) -> Option<i64> {
        let until_us = self.earliest_us();
        let is_correct = until_us == self.no_later_than(now_us + CLOCK_SKEW_US).earliest_us();
        (is_correct && is_long_wait(until_us, now_us)).then_some(until_us)
    }

    /// The earliest time at which anything may leave.
    fn earliest_us(&self) -> i64 {
        let probe_at_us = self.circuit_breaker.probe_at_us();
        probe_at_us.map_or(self.next_at_us, |probe_at_us| probe_at_us.max(self.next_at_us))
    }

    /// The position to hand over, in the times of a clock that is ahead by this much.
    #[must_use]
    pub fn handed_over(self, ahead_us: i64) -> Self {
        Self {
            next_at_us: self.next_at_us + ahead_us,
            slow_down: self.slow_down.by_a_clock_ahead(ahead_us),
            circuit_breaker: self.circuit_breaker.handed_over(ahead_us),
            ..self
        }
    }
}

/// When the next request may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// At this time, or at once when the time has passed.
    At { at_us: i64 },
    /// Once an earlier request has made progress: its answer came, or its connection is open.
    AfterProgress,
}

/// Identifies a departure when the pacer is told of its progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DepartureNumber(u64);

#[derive(Clone, Copy, Debug)]
struct Departed {
    number: DepartureNumber,
    at_us: i64,
    answered_at_us: Option<i64>,
    counts_from: CountsFrom,
}

/// From when on the jitter allowance covers a request's transit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountsFrom {
    /// A connection was open at its departure.
    Departure,
    /// The request opens a connection. Holds when the connection was open, once this is known.
    Connection(Option<i64>),
    /// Nobody reports when the request's connection was open.
    Answer,
}

#[derive(Clone, Debug)]
pub struct Pacer {
    limit: RateLimit,
    /// The next slot of the even schedule.
    due_us: i64,
    /// No request leaves before this, whatever the schedule says.
    hold_until_us: i64,
    slow_down: SlowDown,
    /// The pacer knows every departure after this. Earlier ones were the predecessor's.
    began_us: i64,
    predecessor_per_second: u32,
    departures: u64,
    /// The latest departures, oldest first: as many as the highest limit needs.
    recent: VecDeque<Departed>,
}

impl Pacer {
    /// A pacer that keeps a limit and continues from a position.
    #[must_use]
    pub fn new(limit: RateLimit, position: PacerPosition) -> Self {
        let mut pacer = Self {
            limit,
            due_us: position.next_at_us,
            hold_until_us: 0,
            slow_down: position.slow_down,
            began_us: position.next_at_us,
            predecessor_per_second: position.per_second,
            departures: 0,
            recent: VecDeque::new(),
        };
        pacer.set_limit(limit);
        pacer
    }

    /// The even distance between departures at the present pace, in microseconds.
    #[must_use]
    pub fn spacing_us(&self) -> i64 {
        self.slow_down.stretch_us(self.interval_us())
    }

    fn interval_us(&self) -> i64 {
        self.limit.interval_us()
    }

    #[must_use]
    pub fn next(&self) -> Slot {
        let at_us = self.due_us.max(self.hold_until_us);
        match self.departure_n_before().map(|before| self.clears_at_us(before)) {
            None => Slot::At { at_us },
            Some(Some(clears_at_us)) => Slot::At { at_us: at_us.max(clears_at_us) },
            Some(None) => Slot::AfterProgress,
        }
    }

    /// From when on the departure N after this one may leave. `None` until this one makes progress.
    fn clears_at_us(&self, before: &Departed) -> Option<i64> {
        let by_answer = || before.answered_at_us.map(|at_us| at_us + SECOND_US);
        let by_transit = match before.counts_from {
            CountsFrom::Departure => Some(before.at_us + self.limit_period_us()),
            CountsFrom::Connection(Some(at_us)) => Some(at_us + self.limit_period_us()),
            CountsFrom::Connection(None) | CountsFrom::Answer => by_answer(),
        };
        let clears_at_us =
            if self.limit.strict { by_transit?.max(by_answer()?) } else { by_transit? };
        Some(clears_at_us.max(before.at_us + self.limit_period_us()))
    }

    /// A request leaves over a connection that is open.
    pub fn depart(&mut self, at_us: i64) -> DepartureNumber {
        self.leave(at_us, CountsFrom::Departure)
    }

    /// A request leaves that may have to open a connection first, and nobody will report when. The
    /// jitter allowance does not cover that, so the request counts from its answer, as every
    /// request of a strict pacer does.
    pub fn depart_untracked(&mut self, at_us: i64) -> DepartureNumber {
        self.leave(at_us, CountsFrom::Answer)
    }

    fn leave(&mut self, at_us: i64, counts_from: CountsFrom) -> DepartureNumber {
        self.slow_down.recover(at_us);
        self.due_us = self.due_us.max(at_us - CATCH_UP_US) + self.spacing_us();
        self.departures += 1;
        let number = DepartureNumber(self.departures);
        self.recent.push_back(Departed { number, at_us, answered_at_us: None, counts_from });
        while self.recent.len() > RateLimit::PER_SECOND_MAX as usize {
            self.recent.pop_front();
        }
        number
    }

    /// A request that has left found no open connection, and opens one.
    pub fn connecting(&mut self, number: DepartureNumber) {
        if let Some(departed) = self.departed_mut(number) {
            departed.counts_from = CountsFrom::Connection(None);
        }
    }

    /// The connection that a request was waiting for is open.
    pub fn connected(&mut self, number: DepartureNumber, at_us: i64) {
        if let Some(departed) = self.departed_mut(number) {
            departed.counts_from = CountsFrom::Connection(Some(at_us));
        }
    }

    /// Whether a request is waiting for its connection.
    #[must_use]
    pub fn is_connecting(&self) -> bool {
        self.recent.iter().any(|departed| {
            departed.counts_from == CountsFrom::Connection(None)
                && departed.answered_at_us.is_none()
        })
    }

    /// The answer to a request came, or nobody waits for it any more.
    pub fn answered(&mut self, number: DepartureNumber, at_us: i64) {
        if let Some(departed) = self.departed_mut(number) {
            departed.answered_at_us = Some(at_us);
        }
    }

    /// A departure, unless it is so old that no later one depends on it.
    fn departed_mut(&mut self, number: DepartureNumber) -> Option<&mut Departed> {
        let index = self.recent.binary_search_by_key(&number, |departed| departed.number).ok()?;
        self.recent.get_mut(index)
    }

    /// The provider refused a request for exceeding its limit. No request leaves before `until_us`,
    /// and then the lane sends slower than before.
    pub fn throttled(&mut self, number: DepartureNumber, until_us: i64) {
        self.hold(until_us);
        // A departure that is no longer kept is older than as many others as the highest limit
        // allows, so its refusal says nothing about the present pace.
        if let Some(departed) = self.departed_mut(number) {
            let departed_at_us = departed.at_us;
            self.slow_down.throttled(departed_at_us, until_us);
        }
    }

    /// No request leaves before `until_us`, because the provider asked for a pause.
    pub fn hold(&mut self, until_us: i64) {
        self.hold_until_us = self.hold_until_us.max(until_us);
    }

    #[must_use]
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Changes the limit. The next departure keeps the longer of the two limits' distances.
    pub fn set_limit(&mut self, limit: RateLimit) {
        let before_us = self.spacing_us();
        self.limit = limit;
        self.due_us += (self.spacing_us() - before_us).max(0);
        // The predecessor may have sent more in its last second than a lower limit allows.
        let is_lower = limit.per_second < self.predecessor_per_second;
        if is_lower && self.departure_n_before().is_none() {
            self.due_us = self.due_us.max(self.began_us + self.limit_period_us());
        }
    }

    /// The position for a successor. The successor knows none of the departures and continues
    /// evenly spaced. So the position is late enough that each slot of its first second is far
    /// enough from the departure N before it.
    ///
    /// The position is earliest when every request has ended. A request without an answer may be in
    /// transit for as long as its time-out, and the position allows for that.
    #[must_use]
    pub fn position(&self) -> PacerPosition {
        let per_second = i64::from(self.limit.per_second.max(1));
        let mut next_at_us = self.due_us.max(self.hold_until_us);
        for (slots_to_go, departed) in (0..per_second).rev().zip(self.recent.iter().rev()) {
            let clears_at_us = self.clears_at_us(departed);
            let clears_at_us = clears_at_us.unwrap_or(departed.at_us + REQUEST_MAX_US + SECOND_US);
            next_at_us = next_at_us.max(clears_at_us - slots_to_go * self.interval_us());
        }
        PacerPosition {
            next_at_us,
            slow_down: self.slow_down,
            circuit_breaker: CircuitBreaker::default(),
            per_second: self.limit.per_second,
        }
    }

    fn limit_period_us(&self) -> i64 {
        self.limit.period_us()
    }

    /// The departure N before the next one. The next one must keep its distance to it.
    fn departure_n_before(&self) -> Option<&Departed> {
        let per_second = self.limit.per_second.max(1) as usize;
        self.recent.len().checked_sub(per_second).and_then(|index| self.recent.get(index))
    }
}
