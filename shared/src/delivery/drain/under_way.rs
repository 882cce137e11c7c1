//! Claims and requests under way. They make progress whenever the sender waits for anything.

use std::collections::VecDeque;
use std::future::Future;

use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, FuturesUnordered};
use futures::{FutureExt, StreamExt};

use super::departure::Departure;
use crate::domain::pacer::DepartureNumber;
use crate::domain::{LaneFigures, Notification, Outcome};
use crate::ports::{LaneAdvice, PortError};

/// What a departure tells the lane when it is over.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    /// Which departure the pacer knows it as, and when its answer came (Unix microseconds).
    pub answered: Option<(DepartureNumber, i64)>,
    /// Its agenda entry, when it is back in the queue at the same place.
    pub requeued: Option<String>,
    /// When it is to be tried again, in Unix milliseconds.
    pub due_ms: Option<i64>,
    /// What the provider asks of the lane.
    pub advice: LaneAdvice,
    /// What was sent and what came of it. `None` when it was given back unsent.
    pub sent: Option<Sent>,
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
        Self { answered: None, requeued: None, due_ms: None, advice: LaneAdvice::GoOn, sent: None }
    }
}

impl Landed {
    fn left_work(&self) -> bool {
        self.requeued.is_some() || self.due_ms.is_some()
    }
}

/// A claim's end: a message that may leave, or none when it was not there to be claimed.
pub(super) type Claimed = Result<Option<Departure>, PortError>;

/// Claims and requests under way, and what those that are over have to tell.
#[derive(Default)]
pub(super) struct UnderWay {
    requests: FuturesUnordered<BoxFuture<'static, Landed>>,
    claims: FuturesOrdered<BoxFuture<'static, Claimed>>,
    landed: Vec<Landed>,
    claimed: VecDeque<Claimed>,
    figures: LaneFigures,
}

impl UnderWay {
    /// Requests that have left and not landed.
    pub(super) fn requests(&self) -> usize {
        self.requests.len()
    }

    /// Claims that are being made.
    pub(super) fn claims(&self) -> usize {
        self.claims.len()
    }

    pub(super) fn claim(&mut self, claim: BoxFuture<'static, Claimed>) {
        self.claims.push_back(claim);
    }

    pub(super) fn leave(&mut self, departure: Departure) {
        self.requests.push(departure.leave().boxed());
        self.figures.in_flight_max = self.figures.in_flight_max.max(self.requests.len());
    }

    pub(super) fn put_back(&mut self, departure: Departure) {
        self.requests.push(async move { departure.put_back().await }.boxed());
    }

    /// What has landed since this was last asked.
    pub(super) fn take_landed(&mut self) -> Vec<Landed> {
        std::mem::take(&mut self.landed)
    }

    /// Claims that have ended since this was last asked, in the order of the queue.
    pub(super) fn take_claimed(&mut self) -> VecDeque<Claimed> {
        std::mem::take(&mut self.claimed)
    }

    /// Does `work`, and lets the rest make progress meanwhile. Requests are polled first: one that
    /// was just added leaves before anything else is done.
    pub(super) async fn alongside<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(landed) = self.requests.next() => self.land(landed),
                Some(claimed) = self.claims.next() => self.claimed.push_back(claimed),
                done = &mut work => return done,
            }
        }
    }

    /// Waits until something is over, at most until `timer` is done.
    pub(super) async fn next_or(&mut self, timer: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            Some(landed) = self.requests.next() => self.land(landed),
            Some(claimed) = self.claims.next() => self.claimed.push_back(claimed),
            () = timer => {}
        }
    }

    /// Waits for every request, and tells when each was answered.
    pub(super) async fn answers(&mut self) -> Vec<(DepartureNumber, i64)> {
        while let Some(landed) = self.requests.next().await {
            self.land(landed);
        }
        self.landed.iter().filter_map(|landed| landed.answered).collect()
    }

    fn land(&mut self, mut landed: Landed) {
        if let Some(sent) = landed.sent.take() {
            self.figures.sent(&sent.notification, sent.outcome, sent.at_ms, sent.received_at_ms);
        }
        self.landed.push(landed);
    }

    /// Waits for every request, and gives back what was claimed and has not left. Answers whether
    /// any of it is waiting to be sent again, and what all of this drain came to.
    pub(super) async fn finish(mut self) -> (bool, LaneFigures) {
        while let Some(claimed) = self.claims.next().await {
            self.claimed.push_back(claimed);
        }
        for departure in self.take_claimed().into_iter().flatten().flatten() {
            self.put_back(departure);
        }
        while let Some(landed) = self.requests.next().await {
            self.land(landed);
        }
        (self.landed.iter().any(Landed::left_work), self.figures)
    }
}
