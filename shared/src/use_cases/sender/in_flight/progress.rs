//! What happens to a request in flight, reported to the lane's pacing the moment it happens.
//!
//! The record of an answer comes later: a slow database must not look like a slow provider.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::domain::Outcome;
use crate::domain::circuit_breaker::RequestEnd;
use crate::domain::pacer::DepartureNumber;
use crate::ports::{ConnectionEvent, LaneAdvice};
use crate::use_cases::sender::clock::SteadyClock;

/// What happened to a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum ProgressEvent {
    /// It waits for a connection, or its connection is open.
    Connection(ConnectionEvent),
    /// Its answer came, none will come, or it was not sent after all: what that says of the
    /// provider, and asks of the lane.
    Ended(RequestEnd, LaneAdvice),
}

/// An event of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    pub(super) departure: DepartureNumber,
    pub(super) event: ProgressEvent,
    /// When it happened, by the drain's steady clock in Unix microseconds.
    pub(super) at_us: i64,
}

/// The lane's end of the channel.
pub(super) struct ProgressReceiver {
    clock: SteadyClock,
    sender: UnboundedSender<Progress>,
    receiver: UnboundedReceiver<Progress>,
}

impl ProgressReceiver {
    pub(super) fn new(clock: SteadyClock) -> Self {
        let (sender, receiver) = unbounded_channel();
        Self { clock, sender, receiver }
    }

    /// The reporter of a request that departs at `departed_at_us`.
    pub(super) fn reporter(
        &self,
        departure: DepartureNumber,
        departed_at_us: i64,
    ) -> ProgressReporter {
        let (clock, sender) = (self.clock.clone(), self.sender.clone());
        ProgressReporter { departure, departed_at_us, clock, sender }
    }

    /// The next event. Never `None`: the receiver itself holds a sender.
    pub(super) async fn next(&mut self) -> Option<Progress> {
        self.receiver.recv().await
    }

    /// The next event, if one has been reported already.
    pub(super) fn try_next(&mut self) -> Option<Progress> {
        self.receiver.try_recv().ok()
    }
}

/// A request's end of the channel.
#[derive(Clone)]
pub(super) struct ProgressReporter {
    departure: DepartureNumber,
    departed_at_us: i64,
    clock: SteadyClock,
    sender: UnboundedSender<Progress>,
}

impl ProgressReporter {
    pub(super) fn connection(&self, event: ConnectionEvent) {
        self.report(ProgressEvent::Connection(event));
    }

    /// The answer came just now, or the request was given up just now.
    pub(super) fn ended(&self, outcome: Outcome, advice: LaneAdvice) {
        let end = match outcome {
            Outcome::Accepted
            | Outcome::Rejected
            | Outcome::Throttled
            | Outcome::TryAgain
            | Outcome::AddressGone => {
                let latency_us = self.clock.now_us() - self.departed_at_us;
                RequestEnd::Answered { latency_us }
            }
            Outcome::Unreachable => RequestEnd::Unreachable,
            Outcome::Uncertain => RequestEnd::Unanswered,
            // The provider refused the account or the token, whatever the message was. This answer
            // to no message must not close an open circuit; the advice says whether to open it.
            Outcome::ChannelDown | Outcome::Unsent => RequestEnd::Unsent,
        };
        self.report(ProgressEvent::Ended(end, advice));
    }

    /// The request did not leave after all, for reasons of this process.
    pub(super) fn unsent(&self) {
        self.ended(Outcome::Unsent, LaneAdvice::Continue);
    }

    fn report(&self, event: ProgressEvent) {
        let progress = Progress { departure: self.departure, event, at_us: self.clock.now_us() };
        // Fails only when the drain is over and nobody receives any more.
        let _unreceived = self.sender.send(progress);
    }
}
