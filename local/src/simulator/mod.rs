//! A provider that behaves like Bizppurio, as far as its documents and other people's logs tell:
//! token, limit with 429s, latency, faults, and pushes that come late, doubled or out of order.
//! It records every arrival, so that what Alimi promises can be counted from the other side.

mod fate;
mod record;
mod routes;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use alimi::ports::Clock;
use futures::future::BoxFuture;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

pub use self::fate::Fate;
pub use self::record::{Arrival, Kind, Pushed, busiest_second};
pub use self::routes::router;

/// Takes one push to the webhook and answers with the HTTP status.
pub type PushSink = Arc<dyn Fn(Value) -> BoxFuture<'static, u16> + Send + Sync>;

/// How the provider behaves.
#[derive(Clone, Debug)]
pub struct SimulatorSettings {
    /// Requests allowed in any sliding second; more are refused with a 429.
    pub per_second: u32,
    /// The usual time to answer.
    pub latency: Duration,
    /// By how much that varies, up and down.
    pub latency_jitter: Duration,
    /// Now and then it takes much longer: `latency` is the least then, and one answer in ten takes
    /// more than four times as long, one in a hundred more than twenty times.
    pub heavy_tail: bool,
    /// The usual time from a request to its receipt.
    pub receipt_after: Duration,
    /// Seed of all chance.
    pub seed: u64,
    /// The account's password.
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

/// What a heavy tail ends at.
const ANSWER_LONGEST: Duration = Duration::from_secs(8);

/// How often and how far apart a push is tried again that was not answered with 200.
const PUSH_TRIES: u32 = 10;
const PUSH_PAUSE: Duration = Duration::from_secs(1);

/// The simulated provider.
pub struct Simulator {
    settings: SimulatorSettings,
    clock: Arc<dyn Clock>,
    sink: OnceLock<PushSink>,
    state: Mutex<State>,
    keys: AtomicU64,
}

struct State {
    dice: SmallRng,
    arrivals: Vec<Arrival>,
    pushed: Vec<Pushed>,
    pushes_under_way: usize,
    tokens: Vec<String>,
    /// Answers to give instead of looking at the request, next one first.
    faults: Vec<Fault>,
}

/// An answer that has nothing to do with the message.
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
    /// A provider that stamps arrivals with this clock.
    #[must_use]
    pub fn new(settings: SimulatorSettings, clock: Arc<dyn Clock>) -> Arc<Self> {
        let state = State {
            dice: SmallRng::seed_from_u64(settings.seed),
            arrivals: vec![],
            pushed: vec![],
            pushes_under_way: 0,
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells where pushes go. Counts once.
    pub fn push_to(&self, sink: PushSink) {
        let _set_before = self.sink.set(sink);
    }

    /// Everything that arrived, in order.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.state().arrivals.clone()
    }

    /// Every push that was taken, in order.
    #[must_use]
    pub fn pushed(&self) -> Vec<Pushed> {
        self.state().pushed.clone()
    }

    /// Pushes that are still to come.
    #[must_use]
    pub fn pushes_under_way(&self) -> usize {
        self.state().pushes_under_way
    }

    /// Answers the next request for a token or a message like this.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Takes every access token back, as a provider may at any time.
    pub fn forget_tokens(&self) {
        self.state().tokens.clear();
    }

    /// A duration somewhere around `usual`.
    fn around(&self, usual: Duration, jitter: Duration) -> Duration {
        let share: f64 = self.state().dice.random_range(-1.0..=1.0);
        let ms = usual.as_secs_f64() + share * jitter.as_secs_f64();
        Duration::from_secs_f64(ms.max(0.0))
    }

    /// How long the next answer takes.
    fn answer_time(&self) -> Duration {
        let SimulatorSettings { latency, latency_jitter, heavy_tail, .. } = self.settings;
        if !heavy_tail {
            return self.around(latency, latency_jitter);
        }
        // Pareto's distribution, of shape 1.5.
        let share: f64 = self.state().dice.random_range(0.0..1.0);
        latency.mul_f64((1.0 - share).powf(-1.0 / 1.5)).min(ANSWER_LONGEST)
    }

    fn next_key(&self) -> String {
        format!("{:020}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Brings one push after a while, again and again until it is taken.
    fn push(self: &Arc<Self>, after: Duration, push: Value) {
        let this = Arc::clone(self);
        this.state().pushes_under_way += 1;
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let Some(sink) = this.sink.get().cloned() else { return };
            for _ in 0..PUSH_TRIES {
                let at_us = this.clock.now_us();
                let status = sink(push.clone()).await;
                if status == 200 {
                    this.state().pushed.push(Pushed::of(at_us, &push));
                    break;
                }
                tokio::time::sleep(PUSH_PAUSE).await;
            }
            this.state().pushes_under_way -= 1;
        });
    }
}
