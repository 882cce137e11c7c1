//! Claims and requests under way. They make progress whenever the sender waits for anything.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, FuturesUnordered};
use futures::{FutureExt, StreamExt};

use super::departure::Departure;
use crate::domain::pacer::DepartureNumber;
use crate::ports::PortError;

/// What a departure tells the lane when it is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Landed {
    /// Which departure the pacer knows it as, and when its answer came (Unix microseconds).
    pub answered: Option<(DepartureNumber, i64)>,
    /// Its agenda entry, when it is back in the queue at the same place.
    pub requeued: Option<String>,
    /// When it is to be tried again, in Unix milliseconds.
    pub due_ms: Option<i64>,
    /// The provider asked for a pause.
    pub hold_for: Option<Duration>,
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
                Some(landed) = self.requests.next() => self.landed.push(landed),
                Some(claimed) = self.claims.next() => self.claimed.push_back(claimed),
                done = &mut work => return done,
            }
        }
    }

    /// Waits until something is over, at most until `timer` is done.
    pub(super) async fn next_or(&mut self, timer: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            Some(landed) = self.requests.next() => self.landed.push(landed),
            Some(claimed) = self.claims.next() => self.claimed.push_back(claimed),
            () = timer => {}
        }
    }

    /// Waits for every request, and tells when each was answered.
    pub(super) async fn answers(&mut self) -> Vec<(DepartureNumber, i64)> {
        while let Some(landed) = self.requests.next().await {
            self.landed.push(landed);
        }
        self.landed.iter().filter_map(|landed| landed.answered).collect()
    }

    /// Waits for every request, and gives back what was claimed and has not left. Answers whether
    /// any of it is waiting to be sent again.
    pub(super) async fn finish(mut self) -> bool {
        while let Some(claimed) = self.claims.next().await {
            self.claimed.push_back(claimed);
        }
        for departure in self.take_claimed().into_iter().flatten().flatten() {
            self.put_back(departure);
        }
        let mut left_work = self.landed.iter().any(Landed::left_work);
        while let Some(landed) = self.requests.next().await {
            left_work |= landed.left_work();
        }
        left_work
    }
}
