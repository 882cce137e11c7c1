//! Metrics of a lane's work.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::attempt::Outcome;
use super::histogram::Histogram;
use super::hours::{Opening, WindowClass};
use super::notification::Notification;
use super::priority::Priority;
use super::status::Status;

/// What a lane did in one drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneMetrics {
    /// The channel's configured limit.
    pub limit_per_second: u32,
    /// Ended requests by outcome: all requests for messages, and requests for a token that brought
    /// none.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Notifications that became `unknown`, by a lost answer or because their sender was lost.
    pub unknown: u64,
    /// The most requests in flight at once.
    pub in_flight_max: usize,
    /// The longest time from when a message was allowed to leave to when it left.
    pub queue_age_max_ms: i64,
    /// Times from request to response.
    pub answers: Histogram,
    /// How long real-time messages waited until they left: since they were accepted or, if later,
    /// since their time came, their window opened or the step before them was delivered.
    pub waits_real_time: Histogram,
    /// The same for all other messages.
    pub waits_scheduled: Histogram,
}

impl Default for LaneMetrics {
    fn default() -> Self {
        Self {
            limit_per_second: 0,
            outcomes: BTreeMap::new(),
            unknown: 0,
            in_flight_max: 0,
            queue_age_max_ms: 0,
            answers: Histogram::for_latencies(),
            waits_real_time: Histogram::for_waits(),
            waits_scheduled: Histogram::for_waits(),
        }
    }
}

impl LaneMetrics {
    /// Counts a request for this notification. A request that was never made does not count.
    pub fn sent(
        &mut self,
        notification: &Notification,
        outcome: Outcome,
        sent_at_ms: i64,
        received_at_ms: i64,
    ) {
        match outcome {
            Outcome::Accepted
            | Outcome::Rejected
            | Outcome::AddressGone
            | Outcome::Throttled
            | Outcome::ChannelDown
            | Outcome::TryAgain => {
                self.answers.add(received_at_ms - sent_at_ms);
            }
            // Nothing was answered. The measured time would be the time-out's length.
            Outcome::Unreachable | Outcome::Uncertain => {}
            Outcome::Unsent => return,
        }
        *self.outcomes.entry(outcome).or_default() += 1;
        let waited_ms =
            sent_at_ms - free_since_ms(notification.ready_at_ms, &notification.window_class);
        self.queue_age_max_ms = self.queue_age_max_ms.max(waited_ms);
        // Retries are left out, because their waits include the back-off. A message that was put
        // back keeps its attempt number, so its whole wait is counted when it is sent at last.
        let is_put_back =
            matches!(outcome, Outcome::Throttled | Outcome::ChannelDown | Outcome::Unreachable);
        if notification.attempt == 1 && !is_put_back {
            let waits = if notification.priority == Priority::REAL_TIME {
                &mut self.waits_real_time
            } else {
                &mut self.waits_scheduled
            };
            waits.add(waited_ms);
        }
    }

    /// All ended requests, whatever their outcome.
    #[must_use]
    pub fn ended_requests(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

/// What one round of the sweeper found in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepMetrics {
    /// For how long the next message has been allowed to leave. `None` when no message may leave.
    /// The sweeper measures this, because a stalled lane has no departures that would show it.
    pub queue_age_ms: Option<i64>,
    /// Notifications that became `unknown`.
    pub unknown: u64,
    /// Notifications that became `unconfirmed`.
    pub unconfirmed: u64,
}

impl SweepMetrics {
    /// Counts a notification that got this status.
    pub fn count(&mut self, status: Status) {
        match status {
            Status::Unknown => self.unknown += 1,
            Status::Unconfirmed => self.unconfirmed += 1,
            Status::Blocked
            | Status::Deferred
            | Status::Queued
            | Status::Sending
            | Status::Accepted
            | Status::Failed
            | Status::Cancelled
            | Status::Expired
            | Status::Delivered => {}
        }
    }
}

/// Since when a message of this class is allowed to leave, in Unix milliseconds: since it became
/// ready, or since its window opened.
pub(crate) fn free_since_ms(ready_at_ms: i64, class: &WindowClass) -> i64 {
    let ready_at = Timestamp::from_millisecond(ready_at_ms).unwrap_or_default();
    match class.opening(ready_at) {
        Opening::Open { .. } => ready_at_ms,
        Opening::Closed { until } => until.as_millisecond(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RequestKey;

    /// What a lane counts after these ends of requests for one message, half a second apart.
    fn counted(outcomes: &[Outcome]) -> LaneMetrics {
        let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
        let sample = Notification::sample(key.notification_id(0), 0);
        let notification = Notification { attempt: 1, ..sample };
        let mut metrics = LaneMetrics::default();
        for (outcome, sent_at_ms) in outcomes.iter().zip((500..).step_by(500)) {
            metrics.sent(&notification, *outcome, sent_at_ms, sent_at_ms + 50);
        }
        metrics
    }

    #[test]
    fn a_request_that_was_never_made_does_not_count() {
        assert_eq!(counted(&[Outcome::Unsent]), LaneMetrics::default());
    }

    #[test]
    fn only_answers_have_a_latency() {
        let answered = [
            Outcome::Accepted,
            Outcome::Rejected,
            Outcome::Throttled,
            Outcome::ChannelDown,
            Outcome::AddressGone,
            Outcome::TryAgain,
        ];
        assert_eq!(counted(&answered).answers.count(), 6);
        let unanswered = [Outcome::Unreachable, Outcome::Uncertain];
        assert_eq!(counted(&unanswered).answers.count(), 0);
    }

    #[test]
    fn the_wait_of_a_message_that_goes_back_to_its_place_counts_once() {
        let put_back = [
            Outcome::Unreachable,
            Outcome::Throttled,
            Outcome::ChannelDown,
            Outcome::Unsent,
            Outcome::Accepted,
        ];
        let metrics = counted(&put_back);
        assert_eq!(metrics.waits_real_time.count(), 1);
        assert_eq!(metrics.queue_age_max_ms, 2_500);
        assert_eq!(metrics.ended_requests(), 4);
    }
}
