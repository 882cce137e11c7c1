//! The lane's pace: how fast messages leave, and how many leave before this one. The pace delays a
//! message, and no rule holds it.

use crate::domain::RateLimit;
use crate::domain::slow_down::SlowDown;

const SECOND_US: i64 = 1_000_000;

/// What delays a message that is free to leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PaceHold {
    /// The lane sends slower than its limit since the provider answered 429.
    Slowed {
        /// The present pace.
        per_second: f64,
        /// When the lane is back at its limit, in Unix milliseconds.
        until_ms: i64,
    },
    /// Other messages leave first.
    Ahead(Ahead),
}

/// The messages that leave before one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ahead {
    pub count: u64,
    /// There are more, which were not counted.
    pub is_more: bool,
    /// The lane's present pace.
    pub per_second: f64,
    /// How long the lane takes to send them, in microseconds.
    pub sending_us: i64,
}

/// Why the lane sends slower than its limit, if it does.
pub(super) fn slowed(limit: RateLimit, slow_down: SlowDown, now_us: i64) -> Option<PaceHold> {
    let recovered_at_us = slow_down.recovered_at_us().filter(|at_us| *at_us > now_us)?;
    let per_second = per_second(limit, slow_down, now_us);
    Some(PaceHold::Slowed { per_second, until_ms: recovered_at_us.div_euclid(1000) + 1 })
}

/// How many messages a second leave now.
#[must_use]
pub fn per_second(limit: RateLimit, slow_down: SlowDown, now_us: i64) -> f64 {
    SECOND_US as f64 / spacing_us(limit, slow_down, now_us) as f64
}

/// How long a lane takes from a time on to send so many messages, in microseconds. A pace that was
/// reduced grows back meanwhile.
#[must_use]
pub fn sending_us(limit: RateLimit, slow_down: SlowDown, from_us: i64, count: u64) -> i64 {
    let mut left = i64::try_from(count).unwrap_or(i64::MAX);
    let mut elapsed_us = 0;
    // The pace grows back by seconds, and is back within a hundred of them.
    while slow_down.recovered_at_us().is_some_and(|at_us| at_us > from_us + elapsed_us) {
        let spacing_us = spacing_us(limit, slow_down, from_us + elapsed_us);
        let in_a_second = (SECOND_US / spacing_us).max(1);
        if left <= in_a_second {
            return elapsed_us + left * spacing_us;
        }
        left -= in_a_second;
        elapsed_us += in_a_second * spacing_us;
    }
    elapsed_us.saturating_add(left.saturating_mul(limit.interval_us()))
}

fn spacing_us(limit: RateLimit, mut slow_down: SlowDown, at_us: i64) -> i64 {
    slow_down.recover(at_us);
    slow_down.stretch_us(limit.interval_us())
}
