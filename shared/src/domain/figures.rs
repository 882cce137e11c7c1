//! What a lane did, in numbers small enough to keep: counts, and durations in buckets.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::hours::{Opening, WindowClass};
use super::notification::{Notification, Outcome, Priority, Status};

/// Durations in milliseconds, in buckets whose width is a fixed share of their value. However many
/// are added, no more than [`Spread::BUCKETS_MAX`] buckets are kept, which is what one metric of
/// CloudWatch's embedded format may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Buckets for each doubling: 2 to the power of this.
    per_doubling_log2: u32,
    longest_ms: u64,
    /// Sum and count by bucket.
    buckets: BTreeMap<u64, (u64, u64)>,
}

impl Spread {
    /// The most buckets that any spread has.
    pub const BUCKETS_MAX: usize = 100;

    /// For answers: buckets of an eighth of a doubling, up to 16 seconds. Longer ones count as
    /// that; no request takes as long.
    #[must_use]
    pub fn of_answers() -> Self {
        Self { per_doubling_log2: 3, longest_ms: 16_000, buckets: BTreeMap::new() }
    }

    /// For waits: buckets of a quarter of a doubling, up to 12 hours. Longer ones count as that.
    #[must_use]
    pub fn of_waits() -> Self {
        Self { per_doubling_log2: 2, longest_ms: 12 * 3600 * 1000, buckets: BTreeMap::new() }
    }

    /// Adds a duration. One below nothing, as clocks may make it, counts as nothing.
    pub fn add(&mut self, duration_ms: i64) {
        let duration_ms = u64::try_from(duration_ms).unwrap_or(0).min(self.longest_ms);
        let bucket = self.bucket(duration_ms);
        let (sum_ms, count) = self.buckets.entry(bucket).or_default();
        *sum_ms += duration_ms;
        *count += 1;
    }

    /// The lower end of a duration's bucket.
    fn bucket(&self, duration_ms: u64) -> u64 {
        // As many leading digits of the binary number as tell the bucket.
        let digits = u64::BITS - duration_ms.leading_zeros();
        let cut = digits.saturating_sub(self.per_doubling_log2 + 1);
        duration_ms >> cut << cut
    }

    /// Sum (milliseconds) and count of each bucket, shortest first.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + use<'_> {
        self.buckets.values().copied()
    }

    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets().map(|(_, count)| count).sum()
    }
}

/// What a lane did in one drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneFigures {
    /// What the provider takes in a second, as the channel says.
    pub limit_per_second: u32,
    /// Requests that were answered, or will not be, by what that meant: those for messages, and those
    /// for a token that brought none.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Notifications that became `unknown`: by their answers, and a lost sender's claims.
    pub unknown: u64,
    /// The most requests under way at once.
    pub in_flight_max: usize,
    /// The longest that a message had been free to leave when it left, in milliseconds.
    pub queue_age_max_ms: i64,
    /// From request to response.
    pub answers: Spread,
    /// From acceptance to departure, or from when it came to be free to leave (its time came, its
    /// window opened, the step before it was delivered): real-time messages.
    pub waits_real_time: Spread,
    /// The same, of all others.
    pub waits_scheduled: Spread,
}

impl Default for LaneFigures {
    fn default() -> Self {
        Self {
            limit_per_second: 0,
            outcomes: BTreeMap::new(),
            unknown: 0,
            in_flight_max: 0,
            queue_age_max_ms: 0,
            answers: Spread::of_answers(),
            waits_real_time: Spread::of_waits(),
            waits_scheduled: Spread::of_waits(),
        }
    }
}

impl LaneFigures {
    /// A request of this notification left at one time and was answered, or given up, at another.
    pub fn sent(
        &mut self,
        notification: &Notification,
        outcome: Outcome,
        sent_at_ms: i64,
        received_at_ms: i64,
    ) {
        *self.outcomes.entry(outcome).or_default() += 1;
        match outcome {
            Outcome::Accepted | Outcome::Rejected | Outcome::Throttled | Outcome::ChannelDown => {
                self.answers.add(received_at_ms - sent_at_ms);
            }
            // No answer: that would be the time-out's length.
            Outcome::Unreachable | Outcome::Uncertain => {}
        }
        let waited_ms =
            sent_at_ms - free_since_ms(notification.ready_at_ms, &notification.window_class);
        self.queue_age_max_ms = self.queue_age_max_ms.max(waited_ms);
        // A retry's wait is that of its back-off. A message that was claimed before and given back, or
        // refused for the pace alone, has waited all the time.
        let is_put_back = matches!(outcome, Outcome::Throttled | Outcome::ChannelDown);
        if notification.attempt == 1 && !is_put_back {
            let waits = if notification.priority == Priority::REAL_TIME {
                &mut self.waits_real_time
            } else {
                &mut self.waits_scheduled
            };
            waits.add(waited_ms);
        }
    }

    /// Requests that left.
    #[must_use]
    pub fn departures(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

/// What a round of the sweeper found in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepFigures {
    /// How long the message that is next to leave has been free to, in milliseconds. `None` when
    /// nothing may leave. It tells what no departure can: that there are none.
    pub queue_age_ms: Option<i64>,
    /// Notifications that became `unknown`.
    pub unknown: u64,
    /// Notifications that became `unconfirmed`.
    pub unconfirmed: u64,
}

impl SweepFigures {
    /// Counts a notification that was moved.
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

/// Since when a message of this class may leave, in Unix milliseconds.
pub(crate) fn free_since_ms(ready_at_ms: i64, class: &WindowClass) -> i64 {
    let ready_at = Timestamp::from_millisecond(ready_at_ms).unwrap_or_default();
    match class.opening(ready_at) {
        Opening::Open { .. } => ready_at_ms,
        Opening::Closed { until } => until.as_millisecond(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_spread_has_more_buckets_than_one_metric_may_hold(
            durations_ms in prop::collection::vec(prop_oneof![0i64..2_000, 0i64..100_000_000], 3_000),
        ) {
            for mut spread in [Spread::of_answers(), Spread::of_waits()] {
                for duration_ms in &durations_ms {
                    spread.add(*duration_ms);
                }
                prop_assert!(spread.buckets().count() <= Spread::BUCKETS_MAX);
                prop_assert_eq!(spread.count(), durations_ms.len() as u64);
            }
        }

        #[test]
        fn a_bucket_holds_what_differs_by_an_eighth_at_most(duration_ms in 1u64..16_000, more in 0u64..16_000) {
            let spread = Spread::of_answers();
            let other_ms = duration_ms + more;
            if spread.bucket(duration_ms) == spread.bucket(other_ms) {
                prop_assert!(more * 8 <= other_ms);
            }
        }
    }

    #[test]
    fn every_duration_that_there_may_be_fits() {
        for (mut spread, longest_ms) in
            [(Spread::of_answers(), 16_000), (Spread::of_waits(), 12 * 3600 * 1000)]
        {
            let mut duration_ms = 0;
            while duration_ms <= 2 * longest_ms {
                spread.add(duration_ms);
                duration_ms += 1 + duration_ms / 20;
            }
            assert!(spread.buckets().count() <= Spread::BUCKETS_MAX);
        }
    }

    #[test]
    fn clocks_that_disagree_make_no_wait_shorter_than_none() {
        let mut spread = Spread::of_waits();
        spread.add(-5);
        assert_eq!(spread.buckets().collect::<Vec<_>>(), [(0, 1)]);
    }
}
