//! The circuit breaker of a lane, for a provider that cannot take messages.
//!
//! Requests without a usable answer leave messages in doubt, and requests to an account that is
//! refused achieve nothing. A lane that kept its full pace would turn its whole queue into
//! exceptions within minutes. So:
//!
//! - *The provider hangs*: many requests are without an answer, and none was answered for longer
//!   than answers usually take. No request leaves until one of them has ended.
//! - *The circuit is open*: many requests in a row ended without an answer, or the adapter says that
//!   the account cannot send. Messages wait in their queue. The lane probes the provider, after
//!   pauses that double: up to [`CLOSED_DOOR_PAUSE_MAX_US`] while probes leave nothing in doubt, and
//!   up to [`HANG_PAUSE_MAX_US`] while each probe may.
//!
//! An answer to a message ends both states. Times are Unix microseconds.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

/// Fewer requests than this without an answer are bad luck, unless they fail over a longer time.
const FAILURE_THRESHOLD: u32 = 10;
/// The same for requests that fail over [`SLOW_FAILURES_US`] or longer. A lane with few messages
/// would otherwise put ten of them in doubt, one after the other.
const SLOW_FAILURE_THRESHOLD: u32 = 3;
const SLOW_FAILURES_US: i64 = 10_000_000;
/// While no request is answered, requests continue for at least this long.
const HANG_AFTER_MIN_US: i64 = 500_000;
/// They continue for this much longer than answers take lately: a slow provider is not down.
const HANG_MARGIN_US: i64 = 250_000;
/// No request takes longer than this. A longer latency means that this process was frozen
/// meanwhile.
const LATENCY_MAX_US: i64 = 10_000_000;
/// The pause before the first probe. Each further probe that fails doubles it.
const PROBE_PAUSE_MIN_US: i64 = 1_000_000;
/// The longest pause while nothing can be written, or the account is refused.
pub const CLOSED_DOOR_PAUSE_MAX_US: i64 = 300_000_000;
/// The longest pause while requests are written and not answered. Each message that probes such a
/// provider may become `unknown`: in six hours 21 messages do.
pub const HANG_PAUSE_MAX_US: i64 = 1_800_000_000;

/// How a request with a message ended, as far as it says something about the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestEnd {
    /// The provider answered.
    Answered { latency_us: i64 },
    /// Nothing could be written: there was no connection.
    Unreachable,
    /// The request was written, and no usable answer came.
    Unanswered,
    /// The request did not leave after all, or its answer said nothing about messages: the token or
    /// the account was refused.
    Unsent,
}

/// Why a circuit opens at once, or stays open, whatever other requests say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing is in doubt: the provider refuses the account or cannot be reached, the channel is
    /// misconfigured, or a harmless probe had no answer.
    ClosedDoor,
    /// A request with a message was written and not answered.
    Hang,
}

/// When the next request may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// At any time.
    Now,
    /// Once a request that is in flight has ended.
    AfterRequestEnd,
    /// The circuit is open: only a probe may leave, and not before this time.
    Probe { at_us: i64 },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// Requests that ended without an answer since the last answer.
    consecutive_failures: u32,
    /// When the first of them ended.
    #[serde(default)]
    failing_since_us: i64,
    /// Since when the circuit has been open.
    #[serde(default)]
    open_since_us: Option<i64>,
    /// Failures that have opened the circuit or kept it open: the pauses so far.
    probes: u32,
    /// When the next probe may leave.
    probe_at_us: i64,
    /// How long the slowest answers take lately.
    #[serde(default)]
    slow_latency_us: i64,
    #[serde(skip)]
    in_flight: u32,
    /// The request in flight is a message that probes the provider.
    #[serde(skip)]
    is_probing: bool,
    /// Since when requests have been in flight without any answer.
    #[serde(skip)]
    quiet_since_us: i64,
}

impl CircuitBreaker {
    /// Notes that a request with a message left.
    pub fn departed(&mut self, at_us: i64) {
        if self.in_flight == 0 {
            self.quiet_since_us = at_us;
            self.is_probing = self.is_open();
        }
        self.in_flight += 1;
    }

    /// Notes that a request ended, after [`departed`](Self::departed) noted that it left.
    ///
    /// `jitter_permille` (0 to 1000) is the caller's randomness. It lengthens pauses by up to a
    /// quarter, so that lanes whose providers failed together do not probe together.
    pub fn ended(&mut self, end: RequestEnd, at_us: i64, jitter_permille: u16) {
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
            RequestEnd::Unreachable => {
                self.unanswered(Failure::ClosedDoor, at_us, jitter_permille);
            }
            RequestEnd::Unanswered => self.unanswered(Failure::Hang, at_us, jitter_permille),
            RequestEnd::Unsent => {}
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        self.is_probing &= self.in_flight > 0;
    }

    fn unanswered(&mut self, failure: Failure, at_us: i64, jitter_permille: u16) {
        if self.consecutive_failures == 0 {
            self.failing_since_us = at_us;
        }
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        let is_slow = at_us - self.failing_since_us >= SLOW_FAILURES_US;
        let threshold = if is_slow { SLOW_FAILURE_THRESHOLD } else { FAILURE_THRESHOLD };
        if self.is_open() || self.consecutive_failures >= threshold {
            self.fail(failure, at_us, jitter_permille);
        }
    }

    /// Opens the circuit, or keeps it open for longer because a probe failed.
    ///
    /// Requests that left before the circuit opened may fail long afterwards. While it is open, only
    /// the failure of a probe that was due counts.
    pub fn fail(&mut self, failure: Failure, at_us: i64, jitter_permille: u16) {
        let is_of_a_probe = self.is_probing || self.in_flight == 0;
        if self.is_open() && !(is_of_a_probe && at_us >= self.probe_at_us) {
            return;
        }
        self.open_since_us = self.open_since_us.or(Some(at_us));
        let longest_us = match failure {
            Failure::ClosedDoor => CLOSED_DOOR_PAUSE_MAX_US,
            Failure::Hang => HANG_PAUSE_MAX_US,
        };
        let pause_us = doubled_pause_us(self.probes).min(longest_us);
        let jitter_us = pause_us / 4000 * i64::from(jitter_permille.min(1000));
        self.probe_at_us = at_us + pause_us + jitter_us;
        self.probes = self.probes.saturating_add(1);
    }

    /// The number of requests that have left and not ended.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether the circuit is open: messages wait, and only probes leave.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open_since_us.is_some()
    }

    /// Since when the circuit has been open.
    #[must_use]
    pub fn open_since_us(&self) -> Option<i64> {
        self.open_since_us
    }

    /// While the circuit is open: when the next probe may leave.
    #[must_use]
    pub fn probe_at_us(&self) -> Option<i64> {
        self.is_open().then_some(self.probe_at_us)
    }

    /// Lets the next probe leave at once: an operator has changed the channel.
    pub fn probe_now(&mut self) {
        self.probe_at_us = 0;
    }

    #[must_use]
    pub fn permit(&self, now_us: i64) -> Permit {
        if self.hangs(now_us) || (self.is_open() && self.in_flight > 0) {
            return Permit::AfterRequestEnd;
        }
        if self.is_open() { Permit::Probe { at_us: self.probe_at_us } } else { Permit::Now }
    }

    /// Whether many requests are without an answer, and none came for longer than usual. Those that
    /// have ended without an answer count too. Otherwise each end would let another request leave.
    fn hangs(&self, now_us: i64) -> bool {
        let unanswered = self.in_flight.saturating_add(self.consecutive_failures);
        let quiet_us = HANG_AFTER_MIN_US.max(self.slow_latency_us + HANG_MARGIN_US);
        self.in_flight > 0
            && unanswered >= FAILURE_THRESHOLD
            && now_us - self.quiet_since_us >= quiet_us
    }

    /// Limits how far in the future the times are. A correct clock leaves the state unchanged; a
    /// predecessor's clock may have been wrong.
    #[must_use]
    pub fn no_later_than(self, now_us: i64) -> Self {
        let pause_us = doubled_pause_us(self.probes.saturating_sub(1));
        // With its jitter; or as long as a predecessor's probe may be in flight.
        let longest_us = (pause_us / 4 * 5).max(LATENCY_MAX_US);
        Self {
            failing_since_us: self.failing_since_us.min(now_us),
            open_since_us: self.open_since_us.map(|since_us| since_us.min(now_us)),
            probe_at_us: self.probe_at_us.min(now_us + longest_us),
            ..self
        }
    }

    /// The state to save at this time. The circuit of a provider that hangs is open in it:
    /// otherwise a successor, which learns nothing about the requests in flight, would let as many
    /// leave again.
    #[must_use]
    pub fn to_save(self, now_us: i64) -> Self {
        let mut saved = self;
        if self.hangs(now_us) && !self.is_open() {
            saved.fail(Failure::Hang, now_us, 0);
        }
        saved
    }

    /// The state for a successor, in the times of a clock that is ahead by this much. The successor
    /// learns nothing about the requests that are in flight.
    #[must_use]
    pub fn handed_over(self, clock_ahead_us: i64) -> Self {
        // A second probe would leave while the first one may still be answered.
        let first_ends_us = if self.is_probing { self.quiet_since_us + LATENCY_MAX_US } else { 0 };
        Self {
            failing_since_us: self.failing_since_us + clock_ahead_us,
            open_since_us: self.open_since_us.map(|since_us| since_us + clock_ahead_us),
            probe_at_us: self.probe_at_us.max(first_ends_us) + clock_ahead_us,
            in_flight: 0,
            is_probing: false,
            quiet_since_us: 0,
            ..self
        }
    }
}

/// The first pause, doubled so many times. Without jitter.
fn doubled_pause_us(times: u32) -> i64 {
    (PROBE_PAUSE_MIN_US << times.min(16)).min(HANG_PAUSE_MAX_US)
}
