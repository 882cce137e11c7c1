//! Everything between claim and answer. All of it goes on whenever the sender waits for anything:
//! claims and requests make progress, and what is claimed leaves in its slot.

use std::collections::{HashSet, VecDeque};
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, FuturesUnordered};
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::claim::Unsure;
use super::departure::Departure;
use super::news::{Ear, News, Told};
use super::steady::{SteadyClock, Term};
use super::{AGAIN, micros, millis};
use crate::domain::pacer::{DepartureNumber, Slot};
use crate::domain::silence::{Permit, Silence, Word};
use crate::domain::{
    AgendaKey, LaneFigures, Notification, NotificationId, Outcome, Pacer, PacerPosition, RateLimit,
};
use crate::ports::{Clock, LaneAdvice, Way};

/// What a departure tells the lane when it is over.
#[derive(Debug, Default)]
pub(super) struct Landed {
    /// Its place in the agenda, when it is back in the queue.
    pub requeued: Option<AgendaKey>,
    /// When it is to be tried again, in Unix milliseconds.
    pub due_ms: Option<i64>,
    /// What was sent and what came of it. `None` when it was given back unsent.
    pub sent: Option<Sent>,
    /// Nobody knows whether it was sent.
    pub is_unknown: bool,
}

/// For how long a lease lets a lane send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lent {
    /// Things may leave.
    pub leaves: Term,
    /// It is this sender's. What left in time and had to wait for its connection is written.
    pub holds: Term,
}

/// A request that left.
#[derive(Debug)]
pub(super) struct Sent {
    pub notification: Box<Notification>,
    pub outcome: Outcome,
    pub at_ms: i64,
    pub received_at_ms: i64,
}

impl Landed {
    fn left_work(&self) -> bool {
        self.requeued.is_some() || self.due_ms.is_some()
    }
}

/// A claim's end: a message that may leave, or none when it was not there to be claimed.
pub(super) type Claimed = Result<Option<Departure>, Box<Unsure>>;

/// Claims, what is claimed and waits for its slot, and requests under way.
pub(super) struct Traffic {
    channel: String,
    clock: SteadyClock,
    pacer: Pacer,
    silence: Silence,
    ear: Ear,
    /// Whether what is claimed may leave when its slot comes.
    is_open: bool,
    /// The lease as it stands.
    lease: Lent,
    /// What is being claimed, waits, or is being sent or put back. It is not claimed again before
    /// that is over: two claims of one sender could look the same, and each take the other's write
    /// for its own.
    under_way: HashSet<NotificationId>,
    claims: FuturesOrdered<BoxFuture<'static, (NotificationId, Claimed)>>,
    /// How long claims take, lately.
    claim_time: Duration,
    /// When a claim has failed, no other is made before this.
    claims_from: Instant,
    was_paused: bool,
    /// Claimed, and waiting for their slots.
    ready: VecDeque<Departure>,
    requests: FuturesUnordered<BoxFuture<'static, (NotificationId, Landed)>>,
    landed: Vec<Landed>,
    departures: usize,
    figures: LaneFigures,
}

impl Traffic {
    /// Nothing yet, and closed: nothing leaves until [`Self::open`].
    pub(super) fn new(
        channel: &str,
        clock: Arc<dyn Clock>,
        limit: RateLimit,
        position: PacerPosition,
        lease: Lent,
    ) -> Self {
        let clock = SteadyClock::new(clock);
        let position = position.no_later_than(clock.now_us());
        Self {
            channel: channel.to_owned(),
            ear: Ear::new(clock.clone()),
            clock,
            pacer: Pacer::new(limit, position),
            silence: position.silence,
            is_open: false,
            lease,
            under_way: HashSet::new(),
            claims: FuturesOrdered::new(),
            claim_time: Duration::from_millis(20),
            claims_from: Instant::now(),
            was_paused: false,
            ready: VecDeque::new(),
            requests: FuturesUnordered::new(),
            landed: Vec::new(),
            departures: 0,
            figures: LaneFigures::default(),
        }
    }

    /// The even distance between departures at the present pace.
    pub(super) fn spacing(&self) -> Duration {
        micros(self.pacer.spacing_us())
    }

    /// Where the pacer stands, by the wall clock.
    pub(super) fn position(&mut self) -> PacerPosition {
        self.hear_all();
        let position = PacerPosition { silence: self.silence, ..self.pacer.position() };
        position.handed_over(self.clock.wall_ahead_us())
    }

    /// The limit that is kept at present.
    pub(super) fn limit(&self) -> RateLimit {
        self.pacer.limit()
    }

    /// Now in Unix milliseconds, by whichever clock is ahead. A lease until then and some outlasts what
    /// this process takes it for, though its clock be set back.
    pub(super) fn latest_now_ms(&self) -> i64 {
        (self.clock.now_us() + self.clock.wall_ahead_us().max(0)) / 1000
    }

    /// Lets nothing leave before this time (Unix milliseconds).
    pub(super) fn hold_until(&mut self, at_ms: i64) {
        self.pacer.hold(1000 * at_ms);
    }

    /// Takes over a changed limit.
    pub(super) fn set_limit(&mut self, limit: RateLimit) {
        self.pacer.set_limit(limit);
    }

    /// Makes a request that is no message, in a slot that is free. It may have to open a connection.
    pub(super) async fn request<T>(
        &mut self,
        request: impl Future<Output = T>,
    ) -> (T, DepartureNumber) {
        let number = self.pacer.depart_cold(self.clock.now_us());
        let answer = self.alongside(request).await;
        self.pacer.answered(number, self.clock.now_us());
        (answer, number)
    }

    /// Counts what became of a request that was no message.
    pub(super) fn count(&mut self, outcome: Option<Outcome>) {
        if let Some(outcome) = outcome {
            *self.figures.outcomes.entry(outcome).or_default() += 1;
        }
    }

    /// Requests that have left.
    pub(super) fn departures(&self) -> usize {
        self.departures
    }

    /// Requests that have left, and what is given back, until all of it is recorded.
    pub(super) fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Messages that are being claimed, or are claimed and wait.
    pub(super) fn ahead(&self) -> usize {
        self.claims.len() + self.ready.len()
    }

    /// Whether something that is claimed waits for its slot.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// How long claims take, lately.
    pub(super) fn claim_time(&self) -> Duration {
        self.claim_time
    }

    /// Lets what is claimed leave from now on.
    pub(super) fn open(&mut self) {
        self.is_open = true;
    }

    /// Whether what is claimed may leave.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Lets nothing leave for now.
    pub(super) fn close(&mut self) {
        self.is_open = false;
    }

    /// The lease was prolonged.
    pub(super) fn prolong(&mut self, lease: Lent) {
        self.lease = lease;
    }

    /// Whether a message is being claimed, waits, or is being sent or put back.
    pub(super) fn has(&self, id: &NotificationId) -> bool {
        self.under_way.contains(id)
    }

    pub(super) fn claim(
        &mut self,
        id: NotificationId,
        claim: impl Future<Output = Claimed> + Send + 'static,
    ) {
        self.under_way.insert(id.clone());
        self.claims.push_back(async move { (id, claim.await) }.boxed());
    }

    /// What has landed since this was last asked.
    pub(super) fn take_landed(&mut self) -> Vec<Landed> {
        std::mem::take(&mut self.landed)
    }

    /// When claims may be made again, if one has failed a moment ago.
    pub(super) fn claims_from(&self) -> Instant {
        self.claims_from
    }

    /// How long until the next slot; nothing when it is free already, `None` while only an answer or a
    /// connection can free it.
    pub(super) fn until_slot(&self) -> Option<Duration> {
        let now_us = self.clock.now_us();
        match (self.pacer.next(), self.silence.permit(now_us)) {
            (Slot::At(at_us), Permit::From(from_us)) => Some(micros(at_us.max(from_us) - now_us)),
            (Slot::AfterWord, _) | (_, Permit::AfterWord) => None,
        }
    }

    /// Whether the provider has asked for a pause since this was asked last.
    pub(super) fn take_paused(&mut self) -> bool {
        std::mem::take(&mut self.was_paused)
    }

    /// Whether nothing may leave before the lease is renewed.
    pub(super) fn is_lease_over(&self) -> bool {
        self.clock.left(self.lease.leaves).is_zero()
    }

    /// Does `work`, and lets the rest go on meanwhile.
    pub(super) async fn alongside<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            let slot = self.slot();
            // Requests first: one that was just added leaves before anything else is done.
            tokio::select! {
                biased;
                Some((id, landed)) = self.requests.next() => self.land(&id, landed),
                Some((id, claimed)) = self.claims.next() => self.admit(&id, claimed),
                Some(told) = self.ear.hear() => self.hear(told),
                () = slot => self.let_one_leave(),
                done = &mut work => return done,
            }
        }
    }

    /// Waits until something has happened, at most until `timer` is done.
    pub(super) async fn next_or(&mut self, timer: impl Future<Output = ()>) {
        let slot = self.slot();
        tokio::select! {
            biased;
            Some((id, landed)) = self.requests.next() => self.land(&id, landed),
            Some((id, claimed)) = self.claims.next() => self.admit(&id, claimed),
            Some(told) = self.ear.hear() => self.hear(told),
            () = slot => self.let_one_leave(),
            () = timer => {}
        }
    }

    /// Waits for every request, and so for the pacer to know when each was answered. Claims are heard
    /// meanwhile, and given back as soon as they are old.
    pub(super) async fn answers(&mut self) {
        while !self.requests.is_empty() {
            self.next_or(pending()).await;
        }
    }

    /// Waits until no request waits for its connection any more: as long as the channel's connection
    /// time-out at most.
    pub(super) async fn connections(&mut self) {
        // One that has just left has not said yet whether it waits for one.
        self.alongside(tokio::task::yield_now()).await;
        self.hear_all();
        while self.pacer.is_connecting() {
            self.next_or(pending()).await;
        }
    }

    /// Hears what has been told and was not heard yet.
    fn hear_all(&mut self) {
        while let Some(told) = self.ear.heard() {
            self.hear(told);
        }
    }

    fn hear(&mut self, (number, news, at_us): Told) {
        match news {
            News::Way(Way::Connecting) => self.pacer.connecting(number),
            News::Way(Way::Connected) => self.pacer.connected(number, at_us),
            News::Answered(word, advice) => {
                self.pacer.answered(number, at_us);
                self.hear_word(word, at_us);
                self.heed(advice, Some(number));
            }
            News::Unsent => {
                self.pacer.answered(number, at_us);
                self.hear_word(Word::Unsent, at_us);
            }
        }
    }

    /// Gives back what is claimed and has not left.
    pub(super) fn give_back(&mut self) {
        self.close();
        self.give_back_if(|_| true);
    }

    fn give_back_if(&mut self, is_over: impl Fn(&Departure) -> bool) {
        for departure in std::mem::take(&mut self.ready) {
            if is_over(&departure) {
                let id = departure.notification.id.clone();
                self.requests.push(async move { (id, departure.put_back().await) }.boxed());
            } else {
                self.ready.push_back(departure);
            }
        }
    }

    /// Waits for every request, and gives back what was claimed and has not left. Answers whether
    /// any of it is waiting to be sent again, and what all of this drain came to.
    pub(super) async fn finish(mut self) -> (bool, LaneFigures) {
        // All at once: an answer that is not looked at in time counts as none.
        while !self.claims.is_empty() {
            self.next_or(pending()).await;
        }
        self.give_back();
        self.answers().await;
        (self.landed.iter().any(Landed::left_work), self.figures)
    }

    /// The next slot of what is ready to leave, or when the first of it may leave no more; never,
    /// while there is none.
    fn slot(&self) -> impl Future<Output = ()> + use<> {
        let until_slot = self.until_slot().filter(|_| self.is_open && self.has_ready());
        let until_over = self.ready.iter().map(|departure| self.left(departure)).min();
        let at = until_slot.into_iter().chain(until_over).min().map(|wait| Instant::now() + wait);
        async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => pending().await,
            }
        }
    }

    /// For how long a message may still leave.
    fn left(&self, departure: &Departure) -> Duration {
        self.clock.left(departure.term).min(self.clock.left(self.lease.leaves))
    }

    /// Lets the first that is claimed leave when its slot has come. What may leave no more is given
    /// back first: it is no claim that a crash could put in doubt, and a slot is not for what could not
    /// leave.
    fn let_one_leave(&mut self) {
        let (clock, lease_left) = (self.clock.clone(), self.clock.left(self.lease.leaves));
        self.give_back_if(|departure| clock.left(departure.term).min(lease_left).is_zero());
        if !self.is_open || self.until_slot() != Some(Duration::ZERO) {
            return;
        }
        let Some(mut departure) = self.ready.pop_front() else { return };
        let now_us = self.clock.now_us();
        self.silence.departed(now_us);
        // The departure itself takes the last looks at the time.
        departure.lease = Some(self.lease);
        departure.numbered = Some(self.ear.numbered(self.pacer.depart(now_us), now_us));
        self.departures += 1;
        let id = departure.notification.id.clone();
        self.requests.push(async move { (id, departure.leave().await) }.boxed());
        let in_flight = self.silence.under_way() as usize;
        self.figures.in_flight_max = self.figures.in_flight_max.max(in_flight);
    }

    /// What is claimed waits for its slot.
    fn admit(&mut self, id: &NotificationId, claimed: Claimed) {
        match claimed {
            Ok(Some(departure)) => {
                // A moving average: one slow claim must not look like a slow database.
                self.claim_time = (self.claim_time * 7 + departure.term.from.at.elapsed()) / 8;
                self.ready.push_back(departure);
            }
            Ok(None) => {
                self.under_way.remove(id);
            }
            Err(unsure) => {
                let Unsure { error, claim } = *unsure;
                tracing::warn!(channel = %self.channel, notification = %id, %error, "a claim failed: it is given back if it was made");
                self.claims_from = Instant::now() + AGAIN;
                let id = id.clone();
                self.requests.push(async move { (id, claim.settle().await) }.boxed());
            }
        }
    }

    fn land(&mut self, id: &NotificationId, mut landed: Landed) {
        // What it told on its way was told before.
        self.hear_all();
        self.under_way.remove(id);
        if let Some(sent) = landed.sent.take() {
            self.figures.unknown += u64::from(landed.is_unknown);
            self.figures.sent(&sent.notification, sent.outcome, sent.at_ms, sent.received_at_ms);
        }
        self.landed.push(landed);
    }

    fn hear_word(&mut self, word: Word, at_us: i64) {
        let was_down = self.silence.is_down();
        self.silence.ended(word, at_us);
        match (was_down, self.silence.is_down()) {
            (false, true) => {
                tracing::error!(channel = %self.channel, "the provider does not answer: one message at a time tries whether it does");
            }
            (true, false) => {
                tracing::warn!(channel = %self.channel, "the provider answers again");
            }
            (true, true) | (false, false) => {}
        }
    }

    /// Does as the provider asks.
    pub(super) fn heed(&mut self, advice: LaneAdvice, departure: Option<DepartureNumber>) {
        let pause = match advice {
            LaneAdvice::GoOn => return,
            LaneAdvice::HoldFor(pause) | LaneAdvice::SlowDown(pause) => pause,
        };
        let slower = matches!(advice, LaneAdvice::SlowDown(_));
        tracing::warn!(channel = %self.channel, hold_ms = millis(pause), slower, "the provider asked for a pause");
        self.was_paused = true;
        let until_us = self.clock.now_us() + 1000 * millis(pause);
        match departure {
            Some(departure) if slower => self.pacer.refused(departure, until_us),
            Some(_) | None => self.pacer.hold(until_us),
        }
    }
}
