//! How long a position keeps a lane waiting.

use super::*;
use crate::domain::circuit_breaker::Failure;

#[test]
fn a_position_from_a_clock_hours_ahead_stops_the_lane_for_minutes_only() {
    let position = PacerPosition { next_at_us: 3_600 * SECOND_US, ..PacerPosition::default() };
    let successor = Pacer::new(limit(10, 0), position.no_later_than(0));
    assert_eq!(next_at_us(&successor, 0), 310 * SECOND_US);
    let pacer = Pacer::new(limit(10, 0), position.no_later_than(3_500 * SECOND_US));
    assert_eq!(next_at_us(&pacer, 0), 3_600 * SECOND_US);
}

/// A position whose circuit is open, with a probe after so many failures.
fn open_circuit(failures: usize, now_us: i64) -> PacerPosition {
    let mut circuit_breaker = CircuitBreaker::default();
    for _ in 0..failures {
        circuit_breaker.probe_now();
        circuit_breaker.fail(Failure::ClosedDoor, now_us, 0);
    }
    PacerPosition { circuit_breaker, ..PacerPosition::default() }
}

#[test]
fn a_drain_waits_for_a_short_pause_and_ends_before_a_longer_one() {
    let now_us = 1_000 * SECOND_US;
    let paused =
        |pause_us| PacerPosition { next_at_us: now_us + pause_us, ..PacerPosition::default() };
    assert_eq!(PacerPosition::default().waits_until_us(now_us), None);
    assert_eq!(paused(WAIT_IN_DRAIN_US).waits_until_us(now_us), None);
    for pause_us in [WAIT_IN_DRAIN_US + 1, 300 * SECOND_US] {
        assert_eq!(paused(pause_us).waits_until_us(now_us), Some(now_us + pause_us));
    }
}

#[test]
fn a_drain_ends_before_a_probe_that_is_due_much_later() {
    let now_us = 1_000 * SECOND_US;
    // The pauses before the probes: 1 s, 2 s, 4 s, 8 s.
    for failures in 1..=3 {
        assert_eq!(open_circuit(failures, now_us).waits_until_us(now_us), None);
    }
    let waits = open_circuit(4, now_us);
    assert_eq!(waits.waits_until_us(now_us), Some(now_us + 8 * SECOND_US));
    assert_eq!(waits.waits_until_us(now_us + 4 * SECOND_US), None);
    assert_eq!(waits.waits_until_us(now_us + 3600 * SECOND_US), None, "the probe is overdue");
}

#[test]
fn nothing_leaves_before_both_the_pause_and_the_circuit_allow_it() {
    let now_us = 1_000 * SECOND_US;
    for (pause_s, until_s) in [(5, 8), (60, 60)] {
        let next_at_us = now_us + pause_s * SECOND_US;
        let position = PacerPosition { next_at_us, ..open_circuit(4, now_us) };
        assert_eq!(position.waits_until_us(now_us), Some(now_us + until_s * SECOND_US));
    }
}

#[test]
fn nobody_waits_for_a_time_that_a_wrong_clock_wrote() {
    let position = PacerPosition { next_at_us: 3_600 * SECOND_US, ..PacerPosition::default() };
    assert_eq!(position.waits_until_us(0), None);
    assert_eq!(open_circuit(4, 3_600 * SECOND_US).waits_until_us(0), None);
    // The clock of the sender that wrote the position was a little ahead.
    let now_us = 3_600 * SECOND_US - 900_000;
    let waits = open_circuit(4, 3_600 * SECOND_US);
    assert_eq!(waits.waits_until_us(now_us), Some(3_608 * SECOND_US));
}
