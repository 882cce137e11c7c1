//! Durations in a fixed number of buckets.

use std::collections::BTreeMap;

/// A histogram of durations, with buckets whose width is a fixed share of their value. However many
/// durations are added, it has at most [`Spread::BUCKETS_MAX`] buckets: one metric of CloudWatch's
/// embedded format may have no more values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The binary logarithm of the number of buckets for each doubling.
    per_doubling_log2: u32,
    longest_ms: u64,
    /// Sum (milliseconds) and count of each bucket, by the bucket's lower end.
    buckets: BTreeMap<u64, (u64, u64)>,
}

impl Spread {
    pub const BUCKETS_MAX: usize = 100;

    /// For answers: eight buckets for each doubling, up to 16 seconds. No request takes longer; a
    /// longer duration counts as 16 seconds.
    #[must_use]
    pub fn of_answers() -> Self {
        Self { per_doubling_log2: 3, longest_ms: 16_000, buckets: BTreeMap::new() }
    }

    /// For waits: four buckets for each doubling, up to 12 hours. A longer duration counts as 12
    /// hours.
    #[must_use]
    pub fn of_waits() -> Self {
        Self { per_doubling_log2: 2, longest_ms: 12 * 3600 * 1000, buckets: BTreeMap::new() }
    }

    /// Adds a duration. A negative duration, which clocks that disagree can give, counts as 0.
    pub fn add(&mut self, duration_ms: i64) {
        let duration_ms = u64::try_from(duration_ms).unwrap_or(0).min(self.longest_ms);
        let bucket = self.bucket(duration_ms);
        let (sum_ms, count) = self.buckets.entry(bucket).or_default();
        *sum_ms += duration_ms;
        *count += 1;
    }

    /// The lower end of a duration's bucket.
    fn bucket(&self, duration_ms: u64) -> u64 {
        // The bucket follows from the leading binary digits. The others become 0.
        let digits = u64::BITS - duration_ms.leading_zeros();
        let cut = digits.saturating_sub(self.per_doubling_log2 + 1);
        duration_ms >> cut << cut
    }

    /// Sum (milliseconds) and count of each bucket, shortest first.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + use<'_> {
        self.buckets.values().copied()
    }

    /// The number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_spread_never_has_more_buckets_than_one_metric_may_have(
            durations_ms in
                prop::collection::vec(prop_oneof![0i64..2_000, 0i64..100_000_000], 3_000),
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
        fn durations_in_one_bucket_differ_by_an_eighth_at_most(
            duration_ms in 1u64..16_000,
            more in 0u64..16_000,
        ) {
            let spread = Spread::of_answers();
            let other_ms = duration_ms + more;
            if spread.bucket(duration_ms) == spread.bucket(other_ms) {
                prop_assert!(more * 8 <= other_ms);
            }
        }
    }

    #[test]
    fn every_possible_duration_fits() {
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
    fn a_negative_duration_counts_as_zero() {
        let mut spread = Spread::of_waits();
        spread.add(-5);
        assert_eq!(spread.buckets().collect::<Vec<_>>(), [(0, 1)]);
    }
}
