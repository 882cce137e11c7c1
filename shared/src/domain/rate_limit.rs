//! How many requests a provider allows.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::duration::millis;
use super::written;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests that may arrive at the provider in any sliding second.
    pub per_second: u32,
    /// The jitter allowance: by how much the transit times of two requests may differ. Departures
    /// are spaced wider by this, so that the arrivals keep the limit.
    #[serde(default = "default_jitter", deserialize_with = "written::duration")]
    pub jitter: SignedDuration,
    /// Assume nothing about the transit time: a request waits until one second after the answer to
    /// the request `per_second` before it.
    #[serde(default)]
    pub strict: bool,
}

pub(super) fn default_jitter() -> SignedDuration {
    SignedDuration::from_millis(50)
}

impl RateLimit {
    /// The most that `per_second` may be. One lane can send no more.
    pub const PER_SECOND_MAX: u32 = 300;

    /// In every period of this length, at most `per_second` requests leave. In microseconds.
    #[must_use]
    pub fn period_us(&self) -> i64 {
        1_000_000 + 1000 * millis(self.jitter)
    }

    /// The even distance between departures that the limit allows, in microseconds. It is rounded
    /// up so that rounding never adds a request.
    #[must_use]
    pub fn interval_us(&self) -> i64 {
        let per_second = i64::from(self.per_second.max(1));
        (self.period_us() + per_second - 1) / per_second
    }
}
