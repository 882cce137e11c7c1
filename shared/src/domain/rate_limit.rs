//! How many requests a provider allows.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests that may arrive at the provider in any sliding second.
    pub per_second: u32,
    /// The jitter allowance: by how much the transit times of two requests may differ. Departures
    /// are spaced wider by this, so that the arrivals keep the limit.
    #[serde(default = "default_jitter")]
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
}
