//! Sending slower than the limit, after the provider refused a request for exceeding its limit.
//!
//! A lane keeps its limit. If the provider still answers 429, its real limit is lower than the
//! configured one, or somebody else uses the account. Waiting as long as the provider asks and then
//! continuing at the same pace would be refused again and again. So the pace is halved, and grows
//! back slowly.

use serde::{Deserialize, Serialize};

/// The largest reduction of the pace, in thousandths.
const REDUCTION_MAX_PERMILLE: i64 = 900;
/// How much of the pace comes back each second, so that a halved pace is restored after 50 seconds.
/// A faster recovery would exceed a limit that really is lower every few seconds.
const RECOVERY_PERMILLE_PER_S: i64 = 10;
const SECOND_US: i64 = 1_000_000;

/// By how much a lane sends slower than its limit. Times are Unix microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowDown {
    /// The reduction of the pace, in thousandths.
    taken_permille: i64,
    /// Since when the reduction has this value.
    since_us: i64,
    /// When the pace was last halved.
    halved_at_us: i64,
}

impl SlowDown {
    /// A request that left at `departed_at_us` was refused, and the lane pauses until `until_us`.
    ///
    /// Requests that left before the pace was halved exceeded the limit together. Their refusals do
    /// not halve the pace again.
    pub fn throttled(&mut self, departed_at_us: i64, until_us: i64) {
        if departed_at_us < self.halved_at_us {
            return;
        }
        self.recover(departed_at_us);
        self.taken_permille = i64::midpoint(1000, self.taken_permille).min(REDUCTION_MAX_PERMILLE);
        self.halved_at_us = until_us;
        self.since_us = until_us;
    }

    /// Restores the part of the pace that has come back until now.
    pub fn recover(&mut self, now_us: i64) {
        // Counts whole tenths of a second. Otherwise a recovery at every departure would be rounded
        // to nothing.
        let tenths = (now_us - self.since_us).max(0) / (SECOND_US / 10);
        let recovered = tenths * RECOVERY_PERMILLE_PER_S / 10;
        self.taken_permille = (self.taken_permille - recovered).max(0);
        self.since_us += tenths * (SECOND_US / 10);
    }

    /// When the whole pace has come back. `None` while nothing of it is missing.
    #[must_use]
    pub fn recovered_at_us(&self) -> Option<i64> {
        let recovery_us = self.taken_permille * (SECOND_US / RECOVERY_PERMILLE_PER_S);
        (self.taken_permille > 0).then_some(self.since_us + recovery_us)
    }

    /// The same state in the times of a clock that is ahead by this much.
    #[must_use]
    pub fn by_a_clock_ahead(self, ahead_us: i64) -> Self {
        Self {
            since_us: self.since_us + ahead_us,
            halved_at_us: self.halved_at_us + ahead_us,
            ..self
        }
    }

    /// The distance between departures at the reduced pace, rounded up.
    #[must_use]
    pub fn stretch_us(&self, spacing_us: i64) -> i64 {
        let left_permille = 1000 - self.taken_permille;
        (spacing_us * 1000 + left_permille - 1) / left_permille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING_US: i64 = 20_000;

    #[test]
    fn a_refusal_halves_the_pace_until_it_has_grown_back() {
        let mut slow_down = SlowDown::default();
        assert_eq!(slow_down.stretch_us(SPACING_US), 20_000);
        slow_down.throttled(5_000_000, 6_000_000);
        assert_eq!(slow_down.stretch_us(SPACING_US), 40_000);
        assert_eq!(slow_down.recovered_at_us(), Some(6_000_000 + 50 * SECOND_US));
        slow_down.recover(6_000_000 + 25 * SECOND_US);
        assert_eq!(slow_down.stretch_us(SPACING_US), 26_667);
        assert_eq!(slow_down.recovered_at_us(), Some(6_000_000 + 50 * SECOND_US));
        slow_down.recover(6_000_000 + 50 * SECOND_US);
        assert_eq!(slow_down.stretch_us(SPACING_US), 20_000);
        assert_eq!(slow_down.recovered_at_us(), None);
    }

    #[test]
    fn several_refusals_of_one_overrun_halve_the_pace_once() {
        let mut slow_down = SlowDown::default();
        for departed_at_us in [5_000_000, 5_020_000, 5_040_000] {
            slow_down.throttled(departed_at_us, 6_000_000);
        }
        assert_eq!(slow_down.stretch_us(SPACING_US), 40_000);
        slow_down.throttled(6_000_001, 7_000_000);
        assert_eq!(slow_down.stretch_us(SPACING_US), 80_000);
    }

    #[test]
    fn the_pace_never_falls_below_a_tenth() {
        let mut slow_down = SlowDown::default();
        for second in 1..100 {
            slow_down.throttled(second * SECOND_US, second * SECOND_US);
        }
        assert_eq!(slow_down.stretch_us(SPACING_US), 200_000);
    }

    #[test]
    fn recovering_often_recovers_as_much_as_recovering_once() {
        let mut often = SlowDown::default();
        often.throttled(0, 0);
        let mut once = often;
        for tick in 0..1000 {
            often.recover(tick * 7_003);
        }
        once.recover(999 * 7_003);
        assert_eq!(often, once);
    }
}
