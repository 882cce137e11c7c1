//! Durations in a fixed number of buckets.

use std::collections::BTreeMap;

/// A histogram of durations, with buckets whose width is a fixed share of their value. However many
/// durations are added, it has at most [`Histogram::BUCKETS_MAX`] buckets: one metric of
/// CloudWatch's embedded format may have no more values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// The binary logarithm of the number of buckets for each doubling.
    per_doubling_log2: u32,
    longest_ms: u64,
    /// Sum (milliseconds) and count of each bucket, by the bucket's lower end.
    buckets: BTreeMap<u64, (u64, u64)>,
}

impl Histogram {
    pub const BUCKETS_MAX: usize = 100;

    /// For latencies: eight buckets for each doubling, up to 16 seconds. No request takes longer; a
    /// longer duration counts as 16 seconds.
    #[must_use]
    pub fn for_latencies() -> Self {
        Self { per_doubling_log2: 3, longest_ms: 16_000, buckets: BTreeMap::new() }
    }

    /// For waits: four buckets for each doubling, up to 12 hours. A longer duration counts as 12
    /// hours.
    #[must_use]
    pub fn for_waits() -> Self {
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
        fn a_histogram_never_has_more_buckets_than_one_metric_may_have(
            durations_ms in
                prop::collection::vec(prop_oneof![0i64..2_000, 0i64..100_000_000], 3_000),
        ) {
            for mut histogram in [Histogram::for_latencies(), Histogram::for_waits()] {
                for duration_ms in &durations_ms {
                    histogram.add(*duration_ms);
                }
                prop_assert!(histogram.buckets().count() <= Histogram::BUCKETS_MAX);
                prop_assert_eq!(histogram.count(), durations_ms.len() as u64);
            }
        }

        #[test]
        fn durations_in_one_bucket_differ_by_an_eighth_at_most(
            duration_ms in 1u64..16_000,
            more in 0u64..16_000,
        ) {
            let histogram = Histogram::for_latencies();
            let other_ms = duration_ms + more;
            if histogram.bucket(duration_ms) == histogram.bucket(other_ms) {
                prop_assert!(more * 8 <= other_ms);
            }
        }
    }

    #[test]
    fn all_durations_together_fit_into_the_buckets() {
        for (mut histogram, longest_ms) in
            [(Histogram::for_latencies(), 16_000), (Histogram::for_waits(), 12 * 3600 * 1000)]
        {
            let mut duration_ms = 0;
            while duration_ms <= 2 * longest_ms {
                histogram.add(duration_ms);
                duration_ms += 1 + duration_ms / 20;
            }
            assert!(histogram.buckets().count() <= Histogram::BUCKETS_MAX);
        }
    }

    #[test]
    fn a_negative_duration_counts_as_zero() {
        let mut histogram = Histogram::for_waits();
        histogram.add(-5);
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(0, 1)]);
    }
}
