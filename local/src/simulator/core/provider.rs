//! A provider's state: its limit, its tokens, the requests that arrived, and what tests ordered.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use alimi::domain::Reference;
use alimi::ports::Clock;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use super::arrivals::{Arrival, Arrivals, Kind, WireCodes};
use super::behaviour::{Behaviour, Fault, Outage};
use super::channel::FromChannel;
use super::kept::KeptProvider;
use super::phones::{PhoneMessage, Phones};
use super::receipts::{AcceptedReceipt, ChannelReceiptSink, ReceiptSink};
use super::scenario::Scenario;
use super::settings::SimulatorSettings;
use super::taken::TakenMessages;

/// Longer than any request's time-out.
pub const NEVER: Duration = Duration::from_secs(3600);

/// The longest time until an answer with [`SimulatorSettings::heavy_tail`].
const ANSWER_LONGEST: Duration = Duration::from_secs(8);

/// The simulated provider.
pub struct Simulator {
    pub(in crate::simulator) settings: SimulatorSettings,
    pub(in crate::simulator) clock: Arc<dyn Clock>,
    pub(super) sink: OnceLock<ReceiptSink>,
    pub(super) channel_sink: OnceLock<ChannelReceiptSink>,
    /// What outlasts this process.
    pub(super) kept: OnceLock<KeptProvider>,
    state: Mutex<State>,
    keys: AtomicU64,
}

pub(super) struct State {
    randomness: SmallRng,
    pub(super) arrivals: Arrivals,
    /// The limits of channels that have one of their own.
    limits: HashMap<Arc<str>, u32>,
    pub(super) taken: TakenMessages,
    pub(super) phones: Phones,
    accepted_receipts: VecDeque<AcceptedReceipt>,
    /// How many messages and receipts were accepted, with those that are forgotten.
    pub(super) counts: Counts,
    pub(super) pending_receipts: usize,
    /// Each access token, with the time in Unix microseconds at which it expires.
    pub(super) tokens: Vec<(String, i64)>,
    /// The answers to the next requests, whatever the requests are.
    faults: VecDeque<Fault>,
    /// The kinds of requests that fail for a while.
    outages: HashMap<Kind, Outage>,
    /// The behaviours towards the next messages, whatever their phone numbers are.
    ordered: VecDeque<Behaviour>,
}

/// How many there were from the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests of every kind.
    pub arrivals: usize,
    /// Messages that the provider took.
    pub messages: usize,
    /// Receipts that the webhook answered with 200.
    pub receipts: usize,
}

impl Simulator {
    /// A provider that stamps arrivals with the time of this clock.
    #[must_use]
    pub fn new(settings: SimulatorSettings, clock: Arc<dyn Clock>) -> Arc<Self> {
        let state = State {
            randomness: SmallRng::seed_from_u64(settings.seed),
            arrivals: Arrivals::new(settings.remembered),
            limits: HashMap::new(),
            taken: TakenMessages::new(settings.remembered),
            phones: Phones::default(),
            accepted_receipts: VecDeque::new(),
            counts: Counts::default(),
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
            channel_sink: OnceLock::new(),
            kept: OnceLock::new(),
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

    /// As [`Self::deliver_receipts_to`], for the receipts of channels that have an address of their
    /// own.
    pub fn deliver_receipts_by_channel(&self, sink: ChannelReceiptSink) {
        let _set_before = self.channel_sink.set(sink);
    }

    /// Sets the limit of a channel that has an address of its own.
    pub fn limit_channel(&self, channel: &str, per_second: u32) {
        self.state().limits.insert(Arc::from(channel), per_second);
    }

    /// Every request that arrived and is remembered, in order.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.state().arrivals.iter().cloned().collect()
    }

    /// How many requests, messages and receipts there were.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let state = self.state();
        Counts { arrivals: state.arrivals.count(), ..state.counts }
    }

    /// The last messages that appeared on phones, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<PhoneMessage> {
        self.state().phones.messages()
    }

    /// Every receipt that the webhook answered with 200 and that is remembered, in order.
    #[must_use]
    pub fn accepted_receipts(&self) -> Vec<AcceptedReceipt> {
        self.state().accepted_receipts.iter().cloned().collect()
    }

    pub(super) fn receipt_accepted(&self, receipt: AcceptedReceipt) {
        let mut state = self.state();
        state.counts.receipts += 1;
        if state.accepted_receipts.len() >= self.settings.remembered {
            state.accepted_receipts.pop_front();
        }
        state.accepted_receipts.push_back(receipt);
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
        let tokens = std::mem::take(&mut self.state().tokens);
        if let Some(kept) = self.kept.get() {
            kept.forget_tokens(&tokens);
        }
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

    /// Starts the keys of messages at a number that no earlier process has used.
    pub(super) fn start_keys_now(&self) {
        let now_us = u64::try_from(self.clock.now_us()).unwrap_or(0);
        self.keys.store(now_us, Ordering::Relaxed);
    }

    /// Records an arrival and returns its index.
    ///
    /// # Errors
    /// The fault with which the request is refused, because it exceeds the limit, or because a
    /// fault is set.
    pub(in crate::simulator) fn admit(
        &self,
        from: &FromChannel,
        kind: Kind,
        reference: Option<Reference>,
        codes: WireCodes,
    ) -> Result<usize, Fault> {
        let at_us = self.clock.now_us();
        let mut state = self.state();
        let FromChannel(channel) = from;
        let recent = state
            .arrivals
            .iter()
            .rev()
            .take_while(|arrival| arrival.at_us + 1_000_000 > at_us)
            .filter(|arrival| arrival.channel == *channel)
            .count();
        let own = channel.as_ref().and_then(|channel| state.limits.get(channel)).copied();
        let limit = own.unwrap_or(self.settings.per_second);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let too_many = Fault { status: 429, code: codes.too_many, reset_s: Some(1) };
        let fault = state.faults.pop_front().or_else(|| (recent >= limit).then_some(too_many));
        let arrival = Arrival::new(at_us, kind, reference, codes, fault.as_ref());
        let index = state.arrivals.push(arrival.of_channel(channel.clone()));
        fault.map_or(Ok(index), Err)
    }

    /// Records that a request is refused after it was admitted.
    pub(in crate::simulator) fn record_refusal(&self, arrival: usize, code: u32) {
        if let Some(arrival) = self.state().arrivals.get_mut(arrival) {
            arrival.refuse(code);
        }
    }

    /// Makes an access token. Returns it with the time in Unix microseconds at which it expires.
    pub(in crate::simulator) fn issue_token(&self, life: Duration) -> (String, i64) {
        let token = format!("token-{}", self.next_key());
        let life_us = i64::try_from(life.as_micros()).unwrap_or(i64::MAX);
        let end_us = self.clock.now_us().saturating_add(life_us);
        self.state().tokens.push((token.clone(), end_us));
        if let Some(kept) = self.kept.get() {
            kept.keep_token(&token, end_us);
        }
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
            let wanted = state.arrivals.get(arrival).and_then(id);
            !state.arrivals.before(arrival).any(|earlier| id(earlier) == wanted)
        };
        if behaviour.answer.is_repeated() && !is_first() {
            return Behaviour::default();
        }
        behaviour
    }
}
