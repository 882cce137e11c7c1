//! How a simulated provider behaves towards every request.

use std::time::Duration;

/// The simulated account's password.
pub const PASSWORD: &str = "simulated-password";

/// How the provider behaves.
#[derive(Clone, Debug)]
pub struct SimulatorSettings {
    /// Requests allowed in any sliding second; more are refused with a 429. Each channel that has an
    /// address of its own has this limit for itself, or one that is set for it.
    pub per_second: u32,
    /// The mean time until the answer.
    pub latency: Duration,
    /// The largest difference of an answer's time from `latency`.
    pub latency_jitter: Duration,
    /// Some answers take much longer. Then `latency` is the shortest time; one answer in ten takes
    /// more than four times as long, and one in a hundred more than twenty times.
    pub heavy_tail: bool,
    /// The mean time from a request to its receipt.
    pub receipt_after: Duration,
    /// How many requests, messages and accepted receipts are remembered, of each the last ones.
    pub remembered: usize,
    /// The seed of all random choices.
    pub seed: u64,
    pub password: String,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            per_second: 40,
            latency: Duration::from_millis(60),
            latency_jitter: Duration::from_millis(30),
            heavy_tail: false,
            receipt_after: Duration::from_millis(800),
            remembered: usize::MAX,
            seed: 1,
            password: PASSWORD.to_owned(),
        }
    }
}
