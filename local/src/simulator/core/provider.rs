//! A provider's state: its limit, its tokens, the requests that arrived, and what tests ordered.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use alimi::domain::Reference;
use alimi::ports::Clock;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::arrivals::{Arrival, Kind, WireCodes};
use super::behaviour::{Behaviour, Fault, Outage};
use super::phones::{PhoneMessage, Phones};
use super::receipts::{AcceptedReceipt, Line, ReceiptSink, Taken};
use super::scenario::Scenario;
use super::settings::SimulatorSettings;

/// Longer than any request's time-out.
pub const NEVER: Duration = Duration::from_secs(3600);

/// The longest time until an answer with [`SimulatorSettings::heavy_tail`].
const ANSWER_LONGEST: Duration = Duration::from_secs(8);

/// The simulated provider.
pub struct Simulator {
    pub(in crate::simulator) settings: SimulatorSettings,
    pub(in crate::simulator) clock: Arc<dyn Clock>,
    pub(super) sink: OnceLock<ReceiptSink>,
    state: Mutex<State>,
    keys: AtomicU64,
}

pub(super) struct State {
    randomness: SmallRng,
    arrivals: Vec<Arrival>,
    /// Every message that was taken, by the provider's key, with what its last receipt said.
    pub(super) taken: HashMap<String, (Taken, Option<Line>)>,
    pub(super) phones: Phones,
    pub(super) accepted_receipts: Vec<AcceptedReceipt>,
    pub(super) pending_receipts: usize,
    /// Each access token, with the time in Unix microseconds at which it expires.
    tokens: Vec<(String, i64)>,
    /// The answers to the next requests, whatever the requests are.
    faults: VecDeque<Fault>,
    /// The kinds of requests that fail for a while.
    outages: HashMap<Kind, Outage>,
    /// The behaviours towards the next messages, whatever their phone numbers are.
    ordered: VecDeque<Behaviour>,
}

impl Simulator {
    /// A provider that stamps arrivals with the time of this clock.
    #[must_use]
    pub fn new(settings: SimulatorSettings, clock: Arc<dyn Clock>) -> Arc<Self> {
        let state = State {
            randomness: SmallRng::seed_from_u64(settings.seed),
            arrivals: vec![],
            taken: HashMap::new(),
            phones: Phones::default(),
            accepted_receipts: vec![],
            pending_receipts: 0,
            tokens: vec![],
            faults: VecDeque::new(),
            outages: HashMap::new(),
            ordered: VecDeque::new(),
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

    /// The last messages that appeared on phones, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<PhoneMessage> {
        self.state().phones.messages()
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

    /// Answers the next request, whatever its kind is, with this fault.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// From now on, every request of this kind fails like this; `None` ends that.
    pub fn fail_from_now(&self, kind: Kind, outage: Option<Outage>) {
        let mut state = self.state();
        match outage {
            Some(outage) => state.outages.insert(kind, outage),
            None => state.outages.remove(&kind),
        };
    }

    /// How requests of this kind fail at present.
    pub(in crate::simulator) fn outage(&self, kind: Kind) -> Option<Outage> {
        self.state().outages.get(&kind).copied()
    }

    /// Treats the next complete message like this, whatever its phone number is. Orders are used up
    /// in the order in which they were given.
    pub fn order(&self, behaviour: impl Into<Behaviour>) {
        self.state().ordered.push_back(behaviour.into());
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
    fn answer_time(&self) -> Duration {
        let SimulatorSettings { latency, latency_jitter, heavy_tail, .. } = self.settings;
        if !heavy_tail {
            return self.around(latency, latency_jitter);
        }
        // A Pareto distribution of shape 1.5.
        let share: f64 = self.state().randomness.random_range(0.0..1.0);
        latency.mul_f64((1.0 - share).powf(-1.0 / 1.5)).min(ANSWER_LONGEST)
    }

    /// Waits until the answer is due.
    pub(in crate::simulator) async fn wait(&self) {
        tokio::time::sleep(self.answer_time()).await;
    }

    /// For requests that send nothing: a real provider answers them soon even when sending is slow.
    pub(in crate::simulator) async fn wait_briefly(&self) {
        tokio::time::sleep(self.answer_time().min(Duration::from_secs(1))).await;
    }

    pub(in crate::simulator) fn next_key(&self) -> String {
        format!("{:020}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Records an arrival and returns its index.
    ///
    /// # Errors
    /// The fault with which the request is refused, because it exceeds the limit, or because a
    /// fault is set.
    pub(in crate::simulator) fn admit(
        &self,
        kind: Kind,
        reference: Option<Reference>,
        codes: WireCodes,
    ) -> Result<usize, Fault> {
        let at_us = self.clock.now_us();
        let mut state = self.state();
        let recent = state
            .arrivals
            .iter()
            .rev()
            .take_while(|arrival| arrival.at_us + 1_000_000 > at_us)
            .count();
        let limit = usize::try_from(self.settings.per_second).unwrap_or(usize::MAX);
        let too_many = Fault { status: 429, code: codes.too_many, reset_s: Some(1) };
        let fault = state.faults.pop_front().or_else(|| (recent >= limit).then_some(too_many));
        let index = state.arrivals.len();
        state.arrivals.push(Arrival::new(at_us, kind, reference, codes, fault.as_ref()));
        fault.map_or(Ok(index), Err)
    }

    /// Records that a request is refused after it was admitted.
    pub(in crate::simulator) fn record_refusal(&self, arrival: usize, code: u32) {
        self.state().arrivals[arrival].refuse(code);
    }

    /// Makes an access token. Returns it with the time in Unix microseconds at which it expires.
    pub(in crate::simulator) fn issue_token(&self, life: Duration) -> (String, i64) {
        let token = format!("token-{}", self.next_key());
        let life_us = i64::try_from(life.as_micros()).unwrap_or(i64::MAX);
        let end_us = self.clock.now_us().saturating_add(life_us);
        self.state().tokens.push((token.clone(), end_us));
        (token, end_us)
    }

    /// Whether a token was issued, is not revoked, and has not expired.
    pub(in crate::simulator) fn knows_token(&self, token: &str) -> bool {
        let now_us = self.clock.now_us();
        self.state().tokens.iter().any(|(known, end_us)| known == token && now_us < *end_us)
    }

    /// The behaviour towards the message of an arrival: the next ordered one, or the one of the
    /// phone number. A refusal after which Alimi sends the message again meets only the first
    /// request for the message.
    pub(in crate::simulator) fn behaviour(&self, number: &str, arrival: usize) -> Behaviour {
        let mut state = self.state();
        if let Some(ordered) = state.ordered.pop_front() {
            return ordered;
        }
        let behaviour = Scenario::of(number).behaviour();
        let id = |arrival: &Arrival| Some(arrival.reference.as_ref()?.id.clone());
        let is_first = || {
            let wanted = id(&state.arrivals[arrival]);
            !state.arrivals[..arrival].iter().any(|earlier| id(earlier) == wanted)
        };
        if behaviour.answer.is_repeated() && !is_first() {
            return Behaviour::default();
        }
        behaviour
    }
}
