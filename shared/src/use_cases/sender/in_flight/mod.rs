//! Step 4 of a drain: everything between a message's claim and the record of its answer.
//!
//! A message passes through these files:
//!
//! 1. `claim.rs`: its texts are rendered (`content.rs`), and its claim is written.
//!    `pending_claims.rs` keeps the claims in order. A claim whose write fails goes to
//!    `uncertain_claim.rs`.
//! 2. `ready.rs`: the claimed message (`claimed_message.rs`) waits for its slot, which `pacing.rs`
//!    decides.
//! 3. `departure.rs`: it is sent, and the answer is recorded. Meanwhile `progress.rs` tells
//!    `pacing.rs` of the connection and of the answer.
//! 4. `completion.rs`: what the slice has to know of it afterwards. `figures.rs` counts it.
//!
//! The sender awaits everything through [`InFlight::drive_until`]. Claims and requests progress
//! meanwhile, and ready messages depart in their slots, however long the awaited work takes.

pub(super) mod claim;
mod claimed_message;
mod completion;
mod content;
mod departure;
mod figures;
mod pacing;
mod pending_claims;
mod progress;
mod ready;
mod uncertain_claim;

use std::collections::{HashSet, VecDeque};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;

use self::claim::{Claim, Claimed};
use self::claimed_message::ClaimedMessage;
use self::completion::Completion;
use self::departure::Departure;
use self::figures::Figures;
use self::pacing::Pacing;
use self::pending_claims::PendingClaims;
use self::ready::Ready;
use super::clock::{LeaseValidity, SteadyClock};
use crate::domain::pacer::DepartureNumber;
use crate::domain::{LaneMetrics, NotificationId, PacerPosition, RateLimit};
use crate::ports::{Clock, NotPrepared, PortError, Randomness};

/// The messages that one drain has claimed and not completed.
pub(super) struct InFlight {
    channel: String,
    pub(super) pacing: Pacing,
    /// The messages that are being claimed, wait for their slots, or are being sent or put back.
    /// None of them is claimed again: two claims of one sender could look the same, and each would
    /// take the other's write for its own.
    messages: HashSet<NotificationId>,
    pub(super) claims: PendingClaims,
    pub(super) ready: Ready,
    /// Messages that are being sent or put back, until that is recorded.
    unrecorded: FuturesUnordered<BoxFuture<'static, (NotificationId, Completion)>>,
    completions: Vec<Completion>,
    /// Whether what became of every claim so far is recorded.
    has_recorded_all: bool,
    pub(super) figures: Figures,
}

/// What is left of a drain once nothing is in flight any more.
pub(super) struct Finished {
    /// Whether a message is waiting to be sent again.
    pub(super) left_work: bool,
    /// Whether no claim of the drain is without its record.
    pub(super) has_recorded_all: bool,
    pub(super) figures: LaneMetrics,
}

impl InFlight {
    /// Nothing is in flight yet, and nothing departs until [`Ready::open`].
    pub(super) fn new(
        channel: &str,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        limit: RateLimit,
        position: PacerPosition,
        lease: LeaseValidity,
    ) -> Self {
        let clock = SteadyClock::new(clock);
        Self {
            channel: channel.to_owned(),
            pacing: Pacing::new(channel, clock.clone(), randomness, limit, position),
            messages: HashSet::new(),
            claims: PendingClaims::new(),
            ready: Ready::new(clock, lease),
            unrecorded: FuturesUnordered::new(),
            completions: Vec::new(),
            has_recorded_all: true,
            figures: Figures::default(),
        }
    }

    /// Messages whose requests have departed since the drain began.
    pub(super) fn departure_count(&self) -> usize {
        self.figures.departure_count()
    }

    /// Messages that are being sent or put back, until that is recorded.
    pub(super) fn unrecorded_count(&self) -> usize {
        self.unrecorded.len()
    }

    /// Messages that are being claimed or wait for their slots.
    pub(super) fn not_departed_count(&self) -> usize {
        self.claims.len() + self.ready.len()
    }

    pub(super) fn contains(&self, id: &NotificationId) -> bool {
        self.messages.contains(id)
    }

    /// Whether no message is being claimed, waits for its slot, or is being sent or put back.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn claim(&mut self, claim: Claim) {
        self.messages.insert(claim.id.clone());
        self.claims.start(claim);
    }

    /// The completions since the last call.
    pub(super) fn take_completions(&mut self) -> Vec<Completion> {
        std::mem::take(&mut self.completions)
    }

    /// Makes a request that carries no message, such as fetching a token. The provider counts it,
    /// so it takes a slot.
    pub(super) async fn make_token_request<T>(
        &mut self,
        request: impl Future<Output = T>,
    ) -> (T, DepartureNumber) {
        let departure = self.token_request_departs();
        let answer = self.drive_until(request).await;
        self.token_request_ended(departure);
        (answer, departure)
    }

    /// A request that carries no message departs now, in the slot that is free.
    pub(super) fn token_request_departs(&mut self) -> DepartureNumber {
        self.pacing.depart_untracked()
    }

    /// Such a request has ended.
    pub(super) fn token_request_ended(&mut self, departure: DepartureNumber) {
        self.pacing.answered_untracked(departure);
    }

    /// A request that carries no message failed: counts it, and follows its advice.
    pub(super) fn token_request_failed(&mut self, error: &NotPrepared, departure: DepartureNumber) {
        self.figures.token_request_failed(error.outcome);
        self.pacing.apply_advice(error.advice, departure);
    }

    /// Awaits `work`, and drives everything in flight meanwhile.
    pub(super) async fn drive_until<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            let next_departure = self.next_departure();
            // Requests first: a request that was just added is written before anything else is
            // done.
            tokio::select! {
                biased;
                Some((id, completion)) = self.unrecorded.next() => self.complete(&id, completion),
                Some((id, claimed)) = self.claims.next() => self.claim_ended(id, claimed),
                Some(progress) = self.pacing.next_progress() => self.pacing.apply(progress),
                () = next_departure => self.depart(),
                done = &mut work => return done,
            }
        }
    }

    /// Waits for the next event of anything in flight, until `timer` ends at the latest.
    pub(super) async fn next_event_or(&mut self, timer: impl Future<Output = ()>) {
        let next_departure = self.next_departure();
        tokio::select! {
            biased;
            Some((id, completion)) = self.unrecorded.next() => self.complete(&id, completion),
            Some((id, claimed)) = self.claims.next() => self.claim_ended(id, claimed),
            Some(progress) = self.pacing.next_progress() => self.pacing.apply(progress),
            () = next_departure => self.depart(),
            () = timer => {}
        }
    }

    /// Waits for every request. The pacer then knows when each was answered. Claims end meanwhile,
    /// and are put back as soon as they are too old.
    pub(super) async fn wait_for_requests(&mut self) {
        while !self.unrecorded.is_empty() {
            self.next_event_or(pending()).await;
        }
    }

    /// Waits until no request waits for its connection: at most the channel's connection time-out.
    pub(super) async fn wait_for_connections(&mut self) {
        // A request that has just departed reports whether it waits for a connection once it is
        // polled.
        self.drive_until(tokio::task::yield_now()).await;
        self.pacing.apply_reported();
        while self.pacing.is_connecting() {
            self.next_event_or(pending()).await;
        }
    }

    /// Puts back every claimed message that has not departed.
    pub(super) fn put_back_ready(&mut self) {
        self.ready.close();
        let waiting = self.ready.take_all();
        self.put_back(waiting);
    }

    /// Ends the drain: waits for all claims and requests, and puts back every message that has not
    /// departed.
    pub(super) async fn finish(mut self) -> Finished {
        // Claims and requests together: an answer that is not read in time counts as none.
        while !self.claims.is_empty() {
            self.next_event_or(pending()).await;
        }
        self.put_back_ready();
        self.wait_for_requests().await;
        Finished {
            left_work: self.completions.iter().any(Completion::left_work),
            has_recorded_all: self.has_recorded_all,
            figures: self.figures.into_lane_figures(),
        }
    }

    /// Ends at the next slot of a ready message, or when the first ready message may no longer
    /// depart. Never ends while no message is ready.
    fn next_departure(&self) -> impl Future<Output = ()> + use<> {
        let may_depart = self.ready.is_open() && !self.ready.is_empty();
        let until_slot = self.pacing.until_slot().filter(|_| may_depart);
        let until_expiry = self.ready.until_expiry();
        let at = until_slot.into_iter().chain(until_expiry).min().map(|wait| Instant::now() + wait);
        async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => pending().await,
            }
        }
    }

    /// Sends the first ready message if its slot has come. Before that, puts back the messages that
    /// may no longer depart: they must not use up the slot.
    fn depart(&mut self) {
        let expired = self.ready.take_expired();
        self.put_back(expired);
        if !self.ready.is_open() || self.pacing.until_slot() != Some(Duration::ZERO) {
            return;
        }
        let Some(message) = self.ready.pop_first() else { return };
        let id = message.notification.id.clone();
        // The departure itself makes the last checks of time.
        let (lease, progress) = (self.ready.lease(), self.pacing.depart());
        let departure = Departure { message, lease, progress };
        self.unrecorded.push(async move { (id, departure.send().await) }.boxed());
        self.figures.departed(self.pacing.requests_in_flight());
    }

    fn put_back(&mut self, messages: VecDeque<ClaimedMessage>) {
        for message in messages {
            let id = message.notification.id.clone();
            self.unrecorded.push(async move { (id, message.put_back().await) }.boxed());
        }
    }

    /// A claimed message waits for its slot. A claim whose write failed is put back if it was made.
    fn claim_ended(&mut self, id: NotificationId, claimed: Claimed) {
        match claimed {
            Ok(Some(message)) => {
                self.claims.record_duration(message.validity.from.at.elapsed());
                self.ready.push(message);
            }
            Ok(None) => {
                self.messages.remove(&id);
            }
            Err(uncertain) => {
                tracing::warn!(
                    channel = %self.channel,
                    notification = %id,
                    error = %uncertain.error,
                    "a claim's write failed: the claim is put back if the database made it"
                );
                // After too many requests, the claim itself has waited.
                match uncertain.error {
                    PortError::Unavailable { .. } => self.claims.pause(),
                    PortError::Throttled { .. } | PortError::Unusable { .. } => {}
                }
                let putting_back = async move { (id, uncertain.put_back_if_made().await) };
                self.unrecorded.push(putting_back.boxed());
            }
        }
    }

    fn complete(&mut self, id: &NotificationId, mut completion: Completion) {
        // The request reported its progress before it completed.
        self.pacing.apply_reported();
        self.messages.remove(id);
        self.has_recorded_all &= !completion.is_unrecorded;
        self.figures.completed(&mut completion);
        self.completions.push(completion);
    }
}
