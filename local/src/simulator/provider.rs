//! The provider's state: its account, its tokens, what arrived, and the receipts that it sends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use alimi::ports::Clock;
use futures::future::BoxFuture;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use super::record::{AcceptedReceipt, Arrival};

/// Sends one receipt to the webhook and returns the HTTP status; 0 when no answer came.
pub type ReceiptSink = Arc<dyn Fn(Value) -> BoxFuture<'static, u16> + Send + Sync>;

/// How the provider behaves.
#[derive(Clone, Debug)]
pub struct SimulatorSettings {
    /// Requests allowed in any sliding second; more are refused with a 429.
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
            seed: 1,
            password: PASSWORD.to_owned(),
        }
    }
}

/// The simulated account's password.
pub const PASSWORD: &str = "simulated-password";

/// The longest time until an answer with [`SimulatorSettings::heavy_tail`].
const ANSWER_LONGEST: Duration = Duration::from_secs(8);

/// A receipt is sent until the webhook answers with 200, this often at most, with this pause.
const RECEIPT_TRIES: u32 = 10;
const RECEIPT_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The simulated provider.
pub struct Simulator {
    pub(super) settings: SimulatorSettings,
    pub(super) clock: Arc<dyn Clock>,
    sink: OnceLock<ReceiptSink>,
    state: Mutex<State>,
    keys: AtomicU64,
}

pub(super) struct State {
    randomness: SmallRng,
    pub(super) arrivals: Vec<Arrival>,
    accepted_receipts: Vec<AcceptedReceipt>,
    pending_receipts: usize,
    pub(super) tokens: Vec<String>,
    /// The answers to the next requests, whatever the requests are. The first one is next.
    pub(super) faults: Vec<Fault>,
}

/// An answer that does not depend on the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status.
    pub status: u16,
    /// The code in the body.
    pub code: u32,
    /// A `RateLimit-Reset` header, in seconds.
    pub reset_s: Option<u64>,
}

impl Simulator {
    /// A provider that stamps arrivals with the time of this clock.
    #[must_use]
    pub fn new(settings: SimulatorSettings, clock: Arc<dyn Clock>) -> Arc<Self> {
        let state = State {
            randomness: SmallRng::seed_from_u64(settings.seed),
            arrivals: vec![],
            accepted_receipts: vec![],
            pending_receipts: 0,
            tokens: vec![],
            faults: vec![],
        };
        Arc::new(Self {
            settings,
            clock,
            sink: OnceLock::new(),
            state: Mutex::new(state),
            keys: AtomicU64::new(0),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the sink of all receipts. Only the first call has an effect.
    pub fn deliver_receipts_to(&self, sink: ReceiptSink) {
        let _set_before = self.sink.set(sink);
    }

    /// Every request that arrived, in order.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.state().arrivals.clone()
    }

    /// Every receipt that the webhook answered with 200, in order.
    #[must_use]
    pub fn accepted_receipts(&self) -> Vec<AcceptedReceipt> {
        self.state().accepted_receipts.clone()
    }

    /// The number of receipts that are not sent yet, or sent again.
    #[must_use]
    pub fn pending_receipts(&self) -> usize {
        self.state().pending_receipts
    }

    /// Answers the next request, for a token or a message, with this fault.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Revokes every access token, as a provider may at any time.
    pub fn forget_tokens(&self) {
        self.state().tokens.clear();
    }

    /// A random duration that differs from `mean` by `jitter` at most.
    pub(super) fn around(&self, mean: Duration, jitter: Duration) -> Duration {
        let share: f64 = self.state().randomness.random_range(-1.0..=1.0);
        let seconds = mean.as_secs_f64() + share * jitter.as_secs_f64();
        Duration::from_secs_f64(seconds.max(0.0))
    }

    /// The time until the next answer.
    pub(super) fn answer_time(&self) -> Duration {
        let SimulatorSettings { latency, latency_jitter, heavy_tail, .. } = self.settings;
        if !heavy_tail {
            return self.around(latency, latency_jitter);
        }
        // A Pareto distribution of shape 1.5.
        let share: f64 = self.state().randomness.random_range(0.0..1.0);
        latency.mul_f64((1.0 - share).powf(-1.0 / 1.5)).min(ANSWER_LONGEST)
    }

    pub(super) fn next_key(&self) -> String {
        format!("{:020}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends one receipt after a while, and repeats it until the webhook accepts it. Without a sink
    /// the receipt is discarded.
    pub(super) fn send_receipt(self: &Arc<Self>, after: Duration, receipt: Value) {
        let this = Arc::clone(self);
        this.state().pending_receipts += 1;
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            if let Some(sink) = this.sink.get() {
                this.deliver(sink, receipt).await;
            }
            this.state().pending_receipts -= 1;
        });
    }

    async fn deliver(&self, sink: &ReceiptSink, receipt: Value) {
        for _ in 0..RECEIPT_TRIES {
            let at_us = self.clock.now_us();
            let status = sink(receipt.clone()).await;
            if status == 200 {
                self.state().accepted_receipts.push(AcceptedReceipt::of(at_us, &receipt));
                return;
            }
            tokio::time::sleep(RECEIPT_RETRY_PAUSE).await;
        }
    }
}
