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

use super::departure::Departure;
use super::{micros, millis};
use crate::domain::pacer::{DepartureNumber, Slot};
use crate::domain::{AgendaKey, LaneFigures, Notification, NotificationId, Outcome, Pacer};
use crate::ports::{Clock, LaneAdvice, PortError};

/// What a departure tells the lane when it is over.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    /// Which departure the pacer knows it as, and when its answer came (Unix microseconds).
    pub answered: Option<(DepartureNumber, i64)>,
    /// Its place in the agenda, when it is back in the queue.
    pub requeued: Option<AgendaKey>,
    /// When it is to be tried again, in Unix milliseconds.
    pub due_ms: Option<i64>,
    /// What the provider asks of the lane.
    pub advice: LaneAdvice,
    /// What was sent and what came of it. `None` when it was given back unsent.
    pub sent: Option<Sent>,
    /// Nobody knows whether it was sent.
    pub is_unknown: bool,
}

/// A request that left.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub notification: Box<Notification>,
    pub outcome: Outcome,
    pub at_ms: i64,
    pub received_at_ms: i64,
}

impl Default for Landed {
    fn default() -> Self {
        Self {
            answered: None,
            requeued: None,
            due_ms: None,
            advice: LaneAdvice::GoOn,
            sent: None,
            is_unknown: false,
        }
    }
}

impl Landed {
    fn left_work(&self) -> bool {
        self.requeued.is_some() || self.due_ms.is_some()
    }
}

/// A claim's end: a message that may leave, or none when it was not there to be claimed.
pub(super) type Claimed = Result<Option<Departure>, PortError>;

/// Claims, what is claimed and waits for its slot, and requests under way.
pub(super) struct Traffic {
    channel: String,
    clock: Arc<dyn Clock>,
    pacer: Pacer,
    /// Whether what is claimed may leave when its slot comes.
    is_open: bool,
    /// Nothing leaves after this under the lease as it stands.
    lease_ends: Instant,
    /// What is being claimed, waits, or is being sent or put back. It is not claimed again before
    /// that is over: two claims of one sender could look the same, and each take the other's write
    /// for its own.
    under_way: HashSet<NotificationId>,
    claims: FuturesOrdered<BoxFuture<'static, (NotificationId, Claimed)>>,
    /// How long claims take, lately.
    claim_time: Duration,
    claim_failed: Option<PortError>,
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
        pacer: Pacer,
        lease_ends: Instant,
    ) -> Self {
        Self {
            channel: channel.to_owned(),
            clock,
            pacer,
            is_open: false,
            lease_ends,
            under_way: HashSet::new(),
            claims: FuturesOrdered::new(),
            claim_time: Duration::from_millis(20),
            claim_failed: None,
            was_paused: false,
            ready: VecDeque::new(),
            requests: FuturesUnordered::new(),
            landed: Vec::new(),
            departures: 0,
            figures: LaneFigures::default(),
        }
    }

    pub(super) fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    pub(super) fn pacer_mut(&mut self) -> &mut Pacer {
        &mut self.pacer
    }

    /// Requests that have left.
    pub(super) fn departures(&self) -> usize {
        self.departures
    }

    /// Requests that have left and not landed.
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
    pub(super) fn lease_ends(&mut self, at: Instant) {
        self.lease_ends = at;
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

    /// The failure of a claim, if one has failed.
    pub(super) fn take_failure(&mut self) -> Result<(), PortError> {
        self.claim_failed.take().map_or(Ok(()), Err)
    }

    /// How long until the next slot; nothing when it is free already, `None` while only an answer
    /// can free it.
    pub(super) fn until_slot(&self) -> Option<Duration> {
        match self.pacer.next() {
            Slot::At(at_us) => Some(micros(at_us - self.clock.now_us())),
            Slot::AfterAnswer => None,
        }
    }

    /// Whether the provider has asked for a pause since this was asked last.
    pub(super) fn take_paused(&mut self) -> bool {
        std::mem::take(&mut self.was_paused)
    }

    /// Whether nothing may leave before the lease is renewed.
    pub(super) fn is_lease_over(&self) -> bool {
        Instant::now() >= self.lease_ends
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
            () = slot => self.let_one_leave(),
            () = timer => {}
        }
    }

    /// Waits for every request, and so for the pacer to know when each was answered.
    pub(super) async fn answers(&mut self) {
        while let Some((id, landed)) = self.requests.next().await {
            self.land(&id, landed);
        }
    }

    /// Gives back what is claimed and has not left.
    pub(super) fn give_back(&mut self) {
        self.close();
        for departure in std::mem::take(&mut self.ready) {
            self.put_back(departure);
        }
    }

    /// Waits for every request, and gives back what was claimed and has not left. Answers whether
    /// any of it is waiting to be sent again, and what all of this drain came to.
    pub(super) async fn finish(mut self) -> (bool, LaneFigures) {
        while let Some((id, claimed)) = self.claims.next().await {
            self.admit(&id, claimed);
        }
        self.give_back();
        self.answers().await;
        (self.landed.iter().any(Landed::left_work), self.figures)
    }

    /// The next slot of what is ready to leave; never, while there is none.
    fn slot(&self) -> impl Future<Output = ()> + use<> {
        let until_slot = self.until_slot().filter(|_| self.is_open && self.has_ready());
        let at = until_slot.map(|wait| Instant::now() + wait);
        async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => pending().await,
            }
        }
    }

    /// Lets the first that is claimed leave when its slot has come, and gives it back when that
    /// comes too late.
    fn let_one_leave(&mut self) {
        let Some(mut departure) = self.ready.pop_front() else { return };
        departure.leave_by = departure.leave_by.min(self.lease_ends);
        if Instant::now() >= departure.leave_by {
            // Not a slot for what could not leave.
            return self.put_back(departure);
        }
        match self.until_slot() {
            // The departure itself takes the last look at the time.
            Some(Duration::ZERO) => {
                departure.number = Some(self.pacer.depart(self.clock.now_us()));
                self.departures += 1;
                let id = departure.notification.id.clone();
                self.requests.push(async move { (id, departure.leave().await) }.boxed());
                self.figures.in_flight_max = self.figures.in_flight_max.max(self.requests.len());
            }
            Some(wait) if Instant::now() + wait < departure.leave_by => {
                self.ready.push_front(departure);
            }
            Some(_) | None => self.put_back(departure),
        }
    }

    fn put_back(&mut self, departure: Departure) {
        let id = departure.notification.id.clone();
        self.requests.push(async move { (id, departure.put_back().await) }.boxed());
    }

    /// What is claimed waits for its slot.
    fn admit(&mut self, id: &NotificationId, claimed: Claimed) {
        match claimed {
            Ok(Some(departure)) => {
                // A moving average: one slow claim must not look like a slow database.
                self.claim_time = (self.claim_time * 7 + departure.claimed_at.elapsed()) / 8;
                self.ready.push_back(departure);
            }
            Ok(None) => {
                self.under_way.remove(id);
            }
            Err(error) => {
                self.under_way.remove(id);
                self.claim_failed = Some(error);
            }
        }
    }

    fn land(&mut self, id: &NotificationId, mut landed: Landed) {
        self.under_way.remove(id);
        let departure = landed.answered.map(|(number, _)| number);
        if let Some((number, at_us)) = landed.answered {
            self.pacer.answered(number, at_us);
        }
        self.heed(landed.advice, departure);
        if let Some(sent) = landed.sent.take() {
            self.figures.unknown += u64::from(landed.is_unknown);
            self.figures.sent(&sent.notification, sent.outcome, sent.at_ms, sent.received_at_ms);
        }
        self.landed.push(landed);
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
