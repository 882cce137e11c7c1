//! Claims that are being written, in the order in which their messages are to depart.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::claim::{Claim, Claimed};
use crate::domain::NotificationId;
use crate::use_cases::sender::retry::PAUSE_AFTER_FAILURE;

/// What the average claim is taken to last before any has been made.
const FIRST_ESTIMATE: Duration = Duration::from_millis(20);

/// The claims of one lane that are being written.
pub(crate) struct PendingClaims {
    claims: FuturesOrdered<BoxFuture<'static, (NotificationId, Claimed)>>,
    average_duration: Duration,
    not_before: Instant,
}

impl PendingClaims {
    pub(super) fn new() -> Self {
        Self {
            claims: FuturesOrdered::new(),
            average_duration: FIRST_ESTIMATE,
            not_before: Instant::now(),
        }
    }

    /// How long recent claims took on average.
    pub(crate) fn average_duration(&self) -> Duration {
        self.average_duration
    }

    /// No claim may be started before this: one has just failed.
    pub(crate) fn not_before(&self) -> Instant {
        self.not_before
    }

    pub(super) fn start(&mut self, claim: Claim) {
        let id = claim.id.clone();
        self.claims.push_back(async move { (id, claim.make().await) }.boxed());
    }

    /// The next claim in order that has ended; `None` when there is none.
    pub(super) async fn next(&mut self) -> Option<(NotificationId, Claimed)> {
        self.claims.next().await
    }

    pub(super) fn len(&self) -> usize {
        self.claims.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Adds a claim's duration to the moving average. Averaging keeps one slow claim from looking
    /// like a slow database.
    pub(super) fn record_duration(&mut self, duration: Duration) {
        self.average_duration = (self.average_duration * 7 + duration) / 8;
    }

    /// Starts no claims for a while, since one has just failed.
    pub(super) fn pause(&mut self) {
        self.not_before = Instant::now() + PAUSE_AFTER_FAILURE;
    }
}
