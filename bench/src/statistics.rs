//! Statistics of arrivals and of other samples.

use alimi_local::simulator::Arrival;

const SECOND_US: i64 = 1_000_000;

/// The sorted times of arrivals, in microseconds.
pub fn times(arrivals: &[Arrival]) -> Vec<i64> {
    let mut times: Vec<i64> = arrivals.iter().map(|arrival| arrival.at_us).collect();
    times.sort_unstable();
    times
}

/// How many sliding seconds that begin with an arrival hold more than `limit` arrivals, and the
/// largest number of arrivals in any of them.
pub fn over_limit(times: &[i64], limit: usize) -> (usize, usize) {
    let mut end = 0;
    let mut over = 0;
    let mut busiest = 0;
    for (start, at_us) in times.iter().enumerate() {
        while end < times.len() && times[end] < at_us + SECOND_US {
            end += 1;
        }
        busiest = busiest.max(end - start);
        over += usize::from(end - start > limit);
    }
    (over, busiest)
}

/// The number of arrivals in each full second after the first arrival.
pub fn by_second(times: &[i64]) -> Vec<usize> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return vec![] };
    let seconds = usize::try_from((last - first) / SECOND_US).unwrap_or(0);
    let mut counts = vec![0; seconds];
    for at_us in times {
        let second = usize::try_from((at_us - first) / SECOND_US).unwrap_or(usize::MAX);
        if let Some(count) = counts.get_mut(second) {
            *count += 1;
        }
    }
    counts
}

pub fn longest_gap_s(times: &[i64]) -> f64 {
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0) as f64 / 1e6
}

/// The smallest value that at least this share (0 to 1) of the values does not exceed. Sorts the
/// values.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index below the length"
    )]
    let index = ((values.len() as f64 * share).ceil() as usize).saturating_sub(1);
    values.get(index).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sliding_second_over_the_limit_is_counted() {
        let times = [0, 400_000, 999_999, 1_000_000, 5_000_000];
        assert_eq!(over_limit(&times, 3), (0, 3));
        assert_eq!(over_limit(&times, 2), (2, 3));
        assert_eq!(by_second(&times), [3, 1, 0, 0, 0]);
        assert!((longest_gap_s(&times) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn percentiles_are_values_of_the_sample() {
        let mut values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert!((percentile(&mut values, 0.99) - 198.0).abs() < 1e-9);
        assert!((percentile(&mut values, 0.5) - 100.0).abs() < 1e-9);
    }
}
