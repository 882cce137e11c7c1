//! The circuit breaker of a lane, for a provider that stops answering.
//!
//! Every request without a usable answer leaves a message in doubt or uses up one of its retries. A
//! lane that kept its full pace would turn its whole queue into exceptions within minutes. So:
//!
//! - *The provider hangs*: many requests are in flight, and none was answered for longer than
//!   answers usually take. No request leaves until one of them has ended.
//! - *The provider is down*: many requests in a row ended without an answer. The lane probes the
//!   provider with single requests, after pauses that grow.
//!
//! One answer, whatever it says, ends both states. Times are Unix microseconds.

use serde::{Deserialize, Serialize};

/// Fewer requests than this without an answer are bad luck.
const FAILURE_THRESHOLD: u32 = 10;
/// While no request is answered, requests continue for at least this long.
const HANG_AFTER_MIN_US: i64 = 2_000_000;
/// They continue for this much longer than answers take lately: a slow provider is not down.
const HANG_MARGIN_US: i64 = 1_000_000;
/// No request takes longer than this. A longer latency means that this process was frozen
/// meanwhile.
const LATENCY_MAX_US: i64 = 10_000_000;
/// The pause before the first probe. Each further probe that fails doubles it.
const PROBE_PAUSE_MIN_US: i64 = 1_000_000;
const PROBE_PAUSE_MAX_US: i64 = 30_000_000;

/// How a request ended, as far as it says something about the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestEnd {
    /// The provider answered.
    Answered { latency_us: i64 },
    /// No connection, no answer, or an answer that does not say what became of the request.
    Unanswered,
    /// The request did not leave after all.
    Unsent,
}

/// When the next request may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    From {
        at_us: i64,
    },
    /// Once a request that is in flight has ended.
    AfterRequestEnd,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// Requests that ended without an answer since the last answer.
    consecutive_failures: u32,
    /// Requests that left to probe the provider.
    probes: u32,
    /// When the next probe may leave.
    probe_at_us: i64,
    /// How long the slowest answers take lately.
    #[serde(default)]
    slow_latency_us: i64,
    #[serde(skip)]
    in_flight: u32,
    /// Since when requests have been in flight without any answer.
    #[serde(skip)]
    quiet_since_us: i64,
}

impl CircuitBreaker {
    /// Notes that a request left.
    pub fn departed(&mut self, at_us: i64) {
        if self.in_flight == 0 {
            self.quiet_since_us = at_us;
        }
        self.in_flight += 1;
        self.probes += u32::from(self.is_down());
    }

    /// Notes that a request ended, after [`departed`](Self::departed) noted that it left.
    pub fn ended(&mut self, end: RequestEnd, at_us: i64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match end {
            RequestEnd::Answered { latency_us } => {
                *self = Self {
                    in_flight: self.in_flight,
                    quiet_since_us: self.quiet_since_us.max(at_us),
                    // A slow answer is forgotten after some tens of faster ones.
                    slow_latency_us: latency_us
                        .min(LATENCY_MAX_US)
                        .max(self.slow_latency_us / 8 * 7),
                    ..Self::default()
                };
            }
            RequestEnd::Unanswered => {
                self.consecutive_failures = self.consecutive_failures.saturating_add(1);
                let pause_us = PROBE_PAUSE_MIN_US << self.probes.min(16);
                self.probe_at_us = at_us + pause_us.min(PROBE_PAUSE_MAX_US);
            }
            RequestEnd::Unsent => {}
        }
    }

    /// The number of requests that have left and not ended.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether so many requests in a row had no answer that the provider counts as down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.consecutive_failures >= FAILURE_THRESHOLD
    }

    #[must_use]
    pub fn permit(&self, now_us: i64) -> Permit {
        let quiet_us = HANG_AFTER_MIN_US.max(self.slow_latency_us + HANG_MARGIN_US);
        let hangs = self.in_flight >= FAILURE_THRESHOLD && now_us - self.quiet_since_us >= quiet_us;
        if hangs || (self.is_down() && self.in_flight > 0) {
            return Permit::AfterRequestEnd;
        }
        Permit::From { at_us: if self.is_down() { self.probe_at_us } else { 0 } }
    }

    /// Limits how far in the future the next probe is. A correct clock leaves the state unchanged;
    /// a predecessor's clock may have been wrong.
    #[must_use]
    pub fn no_later_than(self, now_us: i64) -> Self {
        Self { probe_at_us: self.probe_at_us.min(now_us + PROBE_PAUSE_MAX_US), ..self }
    }

    /// The state for a successor, in the times of a clock that is ahead by this much. The successor
    /// learns nothing about the requests that are in flight.
    #[must_use]
    pub fn handed_over(self, clock_ahead_us: i64) -> Self {
        let probe_at_us = self.probe_at_us + clock_ahead_us;
        Self { probe_at_us, in_flight: 0, quiet_since_us: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: i64 = 1_000_000;

    /// The breaker of a provider that has just been found to be down.
    fn down() -> CircuitBreaker {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..FAILURE_THRESHOLD {
            breaker.departed(0);
            breaker.ended(RequestEnd::Unanswered, 0);
        }
        breaker
    }

    /// Sends 50 requests a second to a provider that answers none, and gives each up after 10 s.
    /// Returns when each request left.
    fn departures_without_answers(seconds: i64) -> Vec<i64> {
        let mut breaker = CircuitBreaker::default();
        let mut left_us: Vec<i64> = Vec::new();
        let mut ended = 0;
        let mut now_us = 0;
        while now_us < seconds * SECOND_US {
            while left_us.get(ended).is_some_and(|at_us| at_us + 10 * SECOND_US <= now_us) {
                breaker.ended(RequestEnd::Unanswered, left_us[ended] + 10 * SECOND_US);
                ended += 1;
            }
            if matches!(breaker.permit(now_us), Permit::From { at_us } if at_us <= now_us) {
                breaker.departed(now_us);
                left_us.push(now_us);
            }
            now_us += SECOND_US / 50;
        }
        left_us
    }

    #[test]
    fn a_provider_that_hangs_puts_few_messages_in_doubt() {
        let left_us = departures_without_answers(600);
        let at_once = left_us.iter().filter(|at_us| **at_us < 10 * SECOND_US).count();
        assert_eq!(at_once, 100, "requests of the first two seconds");
        let later = left_us.len() - at_once;
        assert!((10..25).contains(&later), "{later} in the rest of ten minutes");
    }

    #[test]
    fn one_answer_closes_the_breaker() {
        let mut breaker = down();
        assert_eq!(breaker.permit(0), Permit::From { at_us: SECOND_US });
        breaker.departed(SECOND_US);
        assert_eq!(breaker.permit(9 * SECOND_US), Permit::AfterRequestEnd);
        breaker.ended(RequestEnd::Answered { latency_us: 8 * SECOND_US }, 9 * SECOND_US);
        assert_eq!(breaker.permit(9 * SECOND_US), Permit::From { at_us: 0 });
    }

    #[test]
    fn pauses_between_probes_grow_to_half_a_minute() {
        let mut breaker = down();
        let pauses_s: Vec<i64> = (0..7)
            .map(|_| {
                let Permit::From { at_us } = breaker.permit(0) else { panic!("none is in flight") };
                breaker.departed(0);
                breaker.ended(RequestEnd::Unanswered, 0);
                at_us / SECOND_US
            })
            .collect();
        assert_eq!(pauses_s, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn a_slow_provider_does_not_open_the_breaker() {
        let mut breaker = CircuitBreaker::default();
        // Each answer takes five seconds; one comes every tenth of a second.
        for tick in 0..1000 {
            let now_us = tick * SECOND_US / 10;
            if tick >= 50 {
                breaker.ended(RequestEnd::Answered { latency_us: 5 * SECOND_US }, now_us);
                assert_eq!(breaker.permit(now_us), Permit::From { at_us: 0 });
            }
            breaker.departed(now_us);
        }
    }

    #[test]
    fn a_successor_knows_how_slow_the_provider_is() {
        let mut breaker = CircuitBreaker::default();
        breaker.departed(0);
        breaker.ended(RequestEnd::Answered { latency_us: 5 * SECOND_US }, 5 * SECOND_US);
        let mut successor = breaker.handed_over(0);
        let depart_many =
            |breaker: &mut CircuitBreaker| (0..FAILURE_THRESHOLD).for_each(|_| breaker.departed(0));
        depart_many(&mut successor);
        assert_eq!(successor.permit(5 * SECOND_US), Permit::From { at_us: 0 });
        assert_eq!(successor.permit(6 * SECOND_US), Permit::AfterRequestEnd);
        // The provider becomes fast.
        for _ in 0..FAILURE_THRESHOLD {
            successor.ended(RequestEnd::Answered { latency_us: 50_000 }, 0);
        }
        depart_many(&mut successor);
        assert_eq!(successor.permit(2_500_000), Permit::AfterRequestEnd);
    }

    #[test]
    fn a_few_unanswered_requests_do_not_stop_the_others() {
        let mut breaker = CircuitBreaker::default();
        for at_us in 0..i64::from(FAILURE_THRESHOLD) - 1 {
            breaker.departed(at_us);
        }
        assert_eq!(breaker.permit(60 * SECOND_US), Permit::From { at_us: 0 });
    }

    #[test]
    fn a_successor_continues_where_its_predecessor_stopped() {
        let mut breaker = down();
        breaker.departed(SECOND_US);
        let successor = breaker.handed_over(7);
        assert!(successor.is_down());
        assert_eq!(successor.permit(0), Permit::From { at_us: SECOND_US + 7 });
    }
}
