//! When the next request may leave.
//!
//! Departures keep a distance of (1 + J) / N seconds, where N is the provider's limit a second and
//! J the channel's jitter allowance in seconds. Any N + 1 of them then span at least 1 + J
//! seconds; the way to the provider can shorten that span by at most J; so no sliding second at
//! the provider sees more than N.
//!
//! Times here are Unix microseconds: at 200 a second, rounding to milliseconds would cost a tenth.

use serde::{Deserialize, Serialize};

use super::channel::{RateLimit, millis};

/// A lane's position: what a successor needs to go on where its predecessor stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacerPosition {
    /// Nothing may leave before this.
    pub next_at_us: i64,
}

/// Decides when the next request may leave.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    spacing_us: i64,
    next_at_us: i64,
}

impl Pacer {
    /// A pacer for a limit, going on from a position.
    #[must_use]
    pub fn new(limit: RateLimit, position: PacerPosition) -> Self {
        Self { spacing_us: spacing_us(limit), next_at_us: position.next_at_us }
    }

    /// The distance between departures, in microseconds.
    #[must_use]
    pub fn spacing_us(&self) -> i64 {
        self.spacing_us
    }

    /// When the next request may leave, at or after `now_us`.
    #[must_use]
    pub fn next_at_us(&self, now_us: i64) -> i64 {
        self.next_at_us.max(now_us)
    }

    /// A request leaves.
    pub fn depart(&mut self, at_us: i64) {
        self.next_at_us = self.next_at_us.max(at_us + self.spacing_us);
    }

    /// The provider asked for a pause: nothing leaves before `until_us`.
    pub fn hold(&mut self, until_us: i64) {
        self.next_at_us = self.next_at_us.max(until_us);
    }

    /// Takes over a changed limit. The last departure keeps the longer of both distances.
    pub fn set_limit(&mut self, limit: RateLimit) {
        let spacing_us = spacing_us(limit);
        self.next_at_us += (spacing_us - self.spacing_us).max(0);
        self.spacing_us = spacing_us;
    }

    /// What a successor needs.
    #[must_use]
    pub fn position(&self) -> PacerPosition {
        PacerPosition { next_at_us: self.next_at_us }
    }
}

/// Rounded up, so that rounding never adds a request.
fn spacing_us(limit: RateLimit) -> i64 {
    let window_us = 1_000_000 + 1000 * millis(limit.jitter);
    let per_second = i64::from(limit.per_second.max(1));
    (window_us + per_second - 1) / per_second
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn limit(per_second: u32, jitter_ms: i64) -> RateLimit {
        RateLimit { per_second, jitter: SignedDuration::from_millis(jitter_ms) }
    }

    /// Most arrivals in any sliding second (half open).
    fn busiest_second(mut arrivals_us: Vec<i64>) -> usize {
        arrivals_us.sort_unstable();
        (0..arrivals_us.len())
            .map(|first| {
                arrivals_us[first..]
                    .iter()
                    .take_while(|at| **at < arrivals_us[first] + 1_000_000)
                    .count()
            })
            .max()
            .unwrap_or(0)
    }

    proptest! {
        /// The adversary picks how late the sender wakes up, how long each request travels within
        /// the allowance, and where senders hand over.
        #[test]
        fn no_sliding_second_at_the_provider_exceeds_the_limit(
            per_second in 1u32..40,
            jitter_ms in 0i64..200,
            steps in prop::collection::vec((0i64..60_000, 0f64..=1.0, prop::bool::weighted(0.1)), 1..200),
        ) {
            let limit = limit(per_second, jitter_ms);
            let mut pacer = Pacer::new(limit, PacerPosition::default());
            let mut now_us = 1_000_000_000;
            let mut arrivals = Vec::new();
            for (late_us, transit, hands_over) in steps {
                if hands_over {
                    pacer = Pacer::new(limit, pacer.position());
                }
                now_us = pacer.next_at_us(now_us) + late_us;
                pacer.depart(now_us);
                #[expect(clippy::cast_possible_truncation, reason = "less than a second in microseconds")]
                arrivals.push(now_us + (transit * (jitter_ms * 1000) as f64) as i64);
            }
            prop_assert!(busiest_second(arrivals) <= per_second as usize);
        }

        #[test]
        fn a_punctual_sender_uses_all_that_the_allowance_leaves(
            per_second in 1u32..300,
            jitter_ms in 0i64..200,
        ) {
            let mut pacer = Pacer::new(limit(per_second, jitter_ms), PacerPosition::default());
            let start_us = pacer.next_at_us(1_000_000_000);
            let mut at_us = start_us;
            for _ in 0..1000 {
                at_us = pacer.next_at_us(at_us);
                pacer.depart(at_us);
            }
            let used = 999.0 / ((at_us - start_us) as f64 / 1e6);
            let allowed = f64::from(per_second) / (1.0 + jitter_ms as f64 / 1000.0);
            prop_assert!(used >= allowed * 0.999, "{used} of {allowed} a second");
        }

        #[test]
        fn a_changed_limit_never_lets_one_leave_early(
            before in 1u32..300,
            after in 1u32..300,
        ) {
            let mut pacer = Pacer::new(limit(before, 50), PacerPosition::default());
            pacer.depart(0);
            pacer.set_limit(limit(after, 50));
            let distance = pacer.next_at_us(0);
            prop_assert!(distance >= spacing_us(limit(before, 50)));
            prop_assert!(distance >= spacing_us(limit(after, 50)));
        }
    }

    #[test]
    fn an_idle_lane_saves_nothing_up() {
        let mut pacer = Pacer::new(limit(10, 0), PacerPosition::default());
        pacer.depart(0);
        pacer.depart(60_000_000);
        assert_eq!(pacer.next_at_us(60_000_000), 60_100_000);
    }

    #[test]
    fn a_pause_that_the_provider_asked_for_is_kept_and_handed_over() {
        let mut pacer = Pacer::new(limit(10, 0), PacerPosition::default());
        pacer.hold(5_000_000);
        let successor = Pacer::new(limit(10, 0), pacer.position());
        assert_eq!(successor.next_at_us(1_000_000), 5_000_000);
    }
}
