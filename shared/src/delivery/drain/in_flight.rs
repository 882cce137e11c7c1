//! Requests under way. They make progress whenever the sender waits for anything.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

/// What a departure tells the lane when it is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Landed {
    /// Its agenda entry, when it is back in the queue at the same place.
    pub requeued: Option<String>,
    /// The provider asked for a pause.
    pub hold_for: Option<Duration>,
}

/// Requests under way, and what those that are over have to tell.
pub(super) struct InFlight {
    departures: FuturesUnordered<BoxFuture<'static, Landed>>,
    landed: Vec<Landed>,
}

impl InFlight {
    pub(super) fn new() -> Self {
        Self { departures: FuturesUnordered::new(), landed: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.departures.len()
    }

    pub(super) fn push(&mut self, departure: BoxFuture<'static, Landed>) {
        self.departures.push(departure);
    }

    /// What has landed since this was last asked.
    pub(super) fn take_landed(&mut self) -> Vec<Landed> {
        std::mem::take(&mut self.landed)
    }

    /// Whether something landed back in the queue that nobody has looked at yet.
    pub(super) fn has_requeued(&self) -> bool {
        self.landed.iter().any(|landed| landed.requeued.is_some())
    }

    /// Does `work`, and lets requests make progress meanwhile. They are polled first: one that was
    /// just pushed leaves before anything else is done.
    pub(super) async fn alongside<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(landed) = self.departures.next() => self.landed.push(landed),
                done = &mut work => return done,
            }
        }
    }

    /// Waits until one lands, at most until `timer` is done.
    pub(super) async fn next_or(&mut self, timer: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            Some(landed) = self.departures.next() => self.landed.push(landed),
            () = timer => {}
        }
    }

    /// Waits for all of them.
    pub(super) async fn finish(mut self) {
        while self.departures.next().await.is_some() {}
    }
}
