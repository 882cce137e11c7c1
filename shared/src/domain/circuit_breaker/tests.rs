use super::*;

const SECOND_US: i64 = 1_000_000;
const SIX_HOURS_US: i64 = 6 * 3600 * SECOND_US;

fn leave(breaker: &mut CircuitBreaker, requests: u32, at_us: i64) {
    for _ in 0..requests {
        breaker.departed(at_us);
    }
}

fn end(breaker: &mut CircuitBreaker, requests: u32, end: RequestEnd, at_us: i64) {
    for _ in 0..requests {
        breaker.ended(end, at_us, 0);
    }
}

/// The breaker of a provider that has just been found to be down, at the time 0.
fn open(by: RequestEnd) -> CircuitBreaker {
    let mut breaker = CircuitBreaker::default();
    leave(&mut breaker, FAILURE_THRESHOLD, 0);
    end(&mut breaker, FAILURE_THRESHOLD, by, 0);
    breaker
}

fn probe_at(breaker: &CircuitBreaker, now_us: i64) -> i64 {
    match breaker.permit(now_us) {
        Permit::Probe { at_us } => at_us,
        other @ (Permit::Now | Permit::AfterRequestEnd) => panic!("{other:?}"),
    }
}

/// What leaves for a provider that never answers. Each request is given up after ten seconds.
struct Outage {
    left_us: Vec<i64>,
    in_flight_max: u32,
}

/// Six hours of an outage. The lane has a message to send every `every_us`, and sends it when it
/// may, or later.
fn six_hours_without_answers(every_us: i64) -> Outage {
    let mut breaker = CircuitBreaker::default();
    let mut outage = Outage { left_us: Vec::new(), in_flight_max: 0 };
    let step_us = every_us.min(SECOND_US / 10);
    let (mut ended, mut now_us, mut next_at_us) = (0, 0, 0);
    while now_us < SIX_HOURS_US {
        while let Some(left_us) = outage.left_us.get(ended) {
            let gives_up_at_us = left_us + 10 * SECOND_US;
            if gives_up_at_us > now_us {
                break;
            }
            breaker.ended(RequestEnd::Unanswered, gives_up_at_us, 0);
            ended += 1;
        }
        let may_leave = match breaker.permit(now_us) {
            Permit::Now => true,
            Permit::AfterRequestEnd => false,
            Permit::Probe { at_us } => at_us <= now_us,
        };
        if may_leave && next_at_us <= now_us {
            breaker.departed(now_us);
            outage.left_us.push(now_us);
            outage.in_flight_max = outage.in_flight_max.max(breaker.in_flight());
            next_at_us = now_us + every_us;
        }
        now_us += step_us;
    }
    outage
}

#[test]
fn six_hours_of_hanging_put_at_most_25_messages_in_doubt_beyond_those_in_flight() {
    let outage = six_hours_without_answers(SECOND_US / 50);
    let at_once = outage.left_us.iter().filter(|at_us| **at_us < 10 * SECOND_US).count();
    assert_eq!(at_once, 25, "requests of the first half second");
    // The first ten have failed after 10.18 s. Probes leave at 11.18 s, and then ten seconds and
    // the next pause after one another: after 2 s, 4 s and so on. The twelfth leaves at 3,967.18 s.
    // From then on one leaves every 1,810 s, and nine more do in six hours.
    let later = &outage.left_us[at_once..];
    assert_eq!(later[..3], [11_180_000, 23_180_000, 37_180_000]);
    assert_eq!(later[11], 3_967_180_000);
    assert_eq!(later.len(), 21);
}

#[test]
fn lanes_with_few_messages_put_as_few_in_doubt() {
    // A message every tenth of a second, every second, and so on.
    for (tenths, in_flight_max) in [(1, 10), (10, 10), (50, 2), (100, 1), (600, 1)] {
        let outage = six_hours_without_answers(tenths * SECOND_US / 10);
        assert_eq!(outage.in_flight_max, in_flight_max, "{tenths} tenths of a second apart");
        let beyond = outage.left_us.len() - in_flight_max as usize;
        assert!(beyond <= 25, "{tenths} tenths of a second apart: {beyond}");
    }
}

#[test]
fn one_answer_closes_the_circuit() {
    let mut breaker = open(RequestEnd::Unanswered);
    assert_eq!(probe_at(&breaker, 0), SECOND_US);
    breaker.departed(SECOND_US);
    assert_eq!(breaker.permit(9 * SECOND_US), Permit::AfterRequestEnd);
    breaker.ended(RequestEnd::Answered { latency_us: 8 * SECOND_US }, 9 * SECOND_US, 0);
    assert_eq!(breaker.permit(9 * SECOND_US), Permit::Now);
    assert!(!breaker.is_open());
}

#[test]
fn pauses_double_to_five_minutes_for_a_closed_door_and_to_thirty_for_one_that_hangs() {
    for (end, failure, longest_s) in [
        (RequestEnd::Unreachable, Failure::ClosedDoor, 300),
        (RequestEnd::Unanswered, Failure::Hang, 1800),
    ] {
        let mut breaker = open(end);
        let mut pauses_s = Vec::new();
        let mut now_us = 0;
        for _ in 0..13 {
            let at_us = probe_at(&breaker, now_us);
            pauses_s.push((at_us - now_us) / SECOND_US);
            now_us = at_us;
            breaker.fail(failure, now_us, 0);
        }
        let doubled = (0..13).map(|doublings| (1 << doublings).min(longest_s));
        assert_eq!(pauses_s, doubled.collect::<Vec<i64>>());
    }
}

#[test]
fn randomness_lengthens_a_pause_by_up_to_a_quarter() {
    for (jitter_permille, pause_us) in [(0, 1_000_000), (400, 1_100_000), (1000, 1_250_000)] {
        let mut breaker = CircuitBreaker::default();
        breaker.fail(Failure::ClosedDoor, 0, jitter_permille);
        assert_eq!(probe_at(&breaker, 0), pause_us);
    }
}

#[test]
fn a_refused_account_opens_the_circuit_at_once() {
    let mut breaker = CircuitBreaker::default();
    breaker.departed(0);
    breaker.fail(Failure::ClosedDoor, 7, 0);
    breaker.ended(RequestEnd::Unsent, 7, 0);
    assert_eq!(breaker.open_since_us(), Some(7));
    assert_eq!(probe_at(&breaker, 7), SECOND_US + 7);
}

#[test]
fn a_message_that_finds_the_account_still_refused_doubles_the_pause() {
    for ends_first in [false, true] {
        let mut breaker = CircuitBreaker::default();
        breaker.fail(Failure::ClosedDoor, 0, 0);
        breaker.departed(SECOND_US);
        let at_us = SECOND_US + 50_000;
        if ends_first {
            breaker.ended(RequestEnd::Unsent, at_us, 0);
            breaker.fail(Failure::ClosedDoor, at_us, 0);
        } else {
            breaker.fail(Failure::ClosedDoor, at_us, 0);
            breaker.ended(RequestEnd::Unsent, at_us, 0);
        }
        assert_eq!(probe_at(&breaker, at_us), at_us + 2 * SECOND_US);
        assert_eq!(breaker.open_since_us(), Some(0));
    }
}

#[test]
fn requests_that_were_in_flight_together_count_as_one_failure() {
    let mut breaker = CircuitBreaker::default();
    leave(&mut breaker, 100, 0);
    end(&mut breaker, 100, RequestEnd::Unanswered, 10 * SECOND_US);
    assert_eq!(probe_at(&breaker, 10 * SECOND_US), 11 * SECOND_US);
}

/// Thirty requests leave within three seconds. The tenth failure opens the circuit. The others fail
/// up to two seconds later, when the first probe has been due for a second.
#[test]
fn requests_that_left_before_the_circuit_opened_are_no_probes() {
    let tenths = |count: i64| count * SECOND_US / 10;
    let mut breaker = CircuitBreaker::default();
    for index in 0..30 {
        breaker.departed(tenths(index));
    }
    for index in 0..30 {
        breaker.ended(RequestEnd::Unanswered, 10 * SECOND_US + tenths(index), 0);
    }
    let opened_us = 10 * SECOND_US + tenths(9);
    assert_eq!(breaker.open_since_us(), Some(opened_us));
    assert_eq!(probe_at(&breaker, 13 * SECOND_US), opened_us + SECOND_US);
    // The account of those in flight may be refused as well.
    breaker.departed(13 * SECOND_US);
    breaker.fail(Failure::ClosedDoor, 14 * SECOND_US, 0);
    breaker.ended(RequestEnd::Unsent, 14 * SECOND_US, 0);
    assert_eq!(probe_at(&breaker, 14 * SECOND_US), 16 * SECOND_US, "a probe does count");
}

#[test]
fn a_failure_before_the_next_probe_is_due_does_not_put_the_probe_off() {
    let mut breaker = open(RequestEnd::Unreachable);
    breaker.fail(Failure::ClosedDoor, SECOND_US - 1, 0);
    assert_eq!(probe_at(&breaker, SECOND_US), SECOND_US);
}

#[test]
fn a_probe_that_did_not_leave_leaves_its_place_to_another() {
    let mut breaker = open(RequestEnd::Unreachable);
    breaker.departed(SECOND_US);
    breaker.ended(RequestEnd::Unsent, SECOND_US, 0);
    for next in [breaker, breaker.handed_over(0)] {
        assert_eq!(probe_at(&next, SECOND_US), SECOND_US);
    }
}

#[test]
fn a_change_by_an_operator_lets_the_next_probe_leave_at_once() {
    let mut breaker = open(RequestEnd::Unreachable);
    breaker.probe_now();
    assert_eq!(probe_at(&breaker, 0), 0);
    assert!(breaker.is_open());
}

#[test]
fn a_slow_provider_does_not_open_the_circuit() {
    let mut breaker = CircuitBreaker::default();
    // Each answer takes five seconds; one comes every tenth of a second.
    for tick in 0..1000 {
        let now_us = tick * SECOND_US / 10;
        if tick >= 50 {
            breaker.ended(RequestEnd::Answered { latency_us: 5 * SECOND_US }, now_us, 0);
            assert_eq!(breaker.permit(now_us), Permit::Now);
        }
        breaker.departed(now_us);
    }
}

#[test]
fn a_successor_knows_how_slow_the_provider_is() {
    let mut breaker = CircuitBreaker::default();
    breaker.departed(0);
    breaker.ended(RequestEnd::Answered { latency_us: 5 * SECOND_US }, 5 * SECOND_US, 0);
    let mut successor = breaker.handed_over(0);
    leave(&mut successor, FAILURE_THRESHOLD, 0);
    // A quarter of a second longer than the slowest answer lately.
    assert_eq!(successor.permit(5_249_999), Permit::Now);
    assert_eq!(successor.permit(5_250_000), Permit::AfterRequestEnd);
    // The provider becomes fast. 40 answers later, an eighth has been forgotten so often that less
    // than 50 ms are left of the five seconds.
    end(&mut successor, 40, RequestEnd::Answered { latency_us: 50_000 }, 0);
    leave(&mut successor, FAILURE_THRESHOLD, 0);
    assert_eq!(successor.permit(499_999), Permit::Now);
    assert_eq!(successor.permit(500_000), Permit::AfterRequestEnd);
}

#[test]
fn a_few_unanswered_requests_do_not_stop_the_others() {
    let mut breaker = CircuitBreaker::default();
    leave(&mut breaker, FAILURE_THRESHOLD - 1, 0);
    assert_eq!(breaker.permit(60 * SECOND_US), Permit::Now);
}

#[test]
fn two_failures_within_hours_are_bad_luck_and_three_in_a_row_are_not() {
    let mut breaker = CircuitBreaker::default();
    for hour in 0..3 {
        assert!(!breaker.is_open(), "after {hour} failures");
        let at_us = hour * 3600 * SECOND_US;
        breaker.departed(at_us);
        // Each drain of such a lane is another sender's.
        breaker.ended(RequestEnd::Unanswered, at_us + 10 * SECOND_US, 0);
        breaker = breaker.handed_over(0);
    }
    assert!(breaker.is_open());
}

#[test]
fn a_successor_continues_where_its_predecessor_stopped() {
    let successor = open(RequestEnd::Unanswered).handed_over(7);
    assert_eq!(successor.open_since_us(), Some(7));
    assert_eq!(probe_at(&successor, 0), SECOND_US + 7);
}

#[test]
fn a_successor_sends_no_second_probe_while_the_first_may_be_answered() {
    let mut breaker = open(RequestEnd::Unanswered);
    breaker.departed(SECOND_US);
    assert_eq!(probe_at(&breaker.handed_over(0), 2 * SECOND_US), 11 * SECOND_US);
}

#[test]
fn a_successor_probes_a_provider_that_hangs_instead_of_sending_as_much_again() {
    let mut breaker = CircuitBreaker::default();
    leave(&mut breaker, 25, 0);
    let early = breaker.to_save(499_999).handed_over(0);
    assert_eq!(early.permit(SECOND_US), Permit::Now);
    let successor = breaker.to_save(2 * SECOND_US).handed_over(0);
    assert_eq!(probe_at(&successor, 2 * SECOND_US), 3 * SECOND_US);
    // The predecessor goes on as before.
    breaker.ended(RequestEnd::Answered { latency_us: 2 * SECOND_US }, 2 * SECOND_US, 0);
    assert_eq!(breaker.to_save(2 * SECOND_US), breaker);
}

#[test]
fn a_correct_clock_leaves_the_state_as_it_is() {
    let mut breaker = open(RequestEnd::Unanswered);
    let mut now_us = 0;
    for _ in 0..13 {
        assert_eq!(breaker.no_later_than(now_us), breaker);
        now_us = probe_at(&breaker, now_us);
        breaker.fail(Failure::Hang, now_us, 1000);
    }
    // A probe that may be in flight for longer than the last pause.
    let mut breaker = open(RequestEnd::Unanswered);
    breaker.departed(SECOND_US);
    let probing = breaker.handed_over(0);
    assert_eq!(probing.no_later_than(SECOND_US), probing);
}

#[test]
fn a_predecessors_wrong_clock_puts_the_next_probe_off_by_one_pause_at_most() {
    let hour_us = 3600 * SECOND_US;
    // Four failures: the last pause was eight seconds, and may have been ten.
    let mut breaker = open(RequestEnd::Unreachable);
    for at_s in [1, 3, 7] {
        breaker.fail(Failure::ClosedDoor, at_s * SECOND_US, 0);
    }
    let wrong = breaker.handed_over(hour_us);
    let corrected = wrong.no_later_than(8 * SECOND_US);
    assert_eq!(probe_at(&corrected, 8 * SECOND_US), 18 * SECOND_US);
    // Messages do not wait for an hour longer because of it.
    assert_eq!(corrected.open_since_us(), Some(8 * SECOND_US));
}
