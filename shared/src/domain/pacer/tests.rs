mod position;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

fn limit(per_second: u32, jitter_ms: i64) -> RateLimit {
    let jitter = SignedDuration::from_millis(jitter_ms);
    RateLimit { per_second, jitter, strict: false }
}

fn pacer(limit: RateLimit) -> Pacer {
    Pacer::new(limit, PacerPosition { next_at_us: 1_000_000_000, ..PacerPosition::default() })
}

fn next_at_us(pacer: &Pacer, now_us: i64) -> i64 {
    match pacer.next() {
        Slot::At { at_us } => at_us.max(now_us),
        Slot::AfterProgress => panic!("it waits for an answer or a connection"),
    }
}

/// Most arrivals in any sliding second (half open).
fn busiest_second(mut arrivals_us: Vec<i64>) -> usize {
    arrivals_us.sort_unstable();
    let within = |first: usize| {
        let end_us = arrivals_us[first] + SECOND_US;
        arrivals_us[first..].iter().take_while(|at| **at < end_us).count()
    };
    (0..arrivals_us.len()).map(within).max().unwrap_or(0)
}

fn fraction_of(share: f64, whole_us: i64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "seconds in microseconds")]
    let part = (share * whole_us as f64) as i64;
    part
}

proptest! {
    /// The test chooses how late the sender wakes up, how long each transit takes within the
    /// allowance, where senders hand over, and where there is nothing to send.
    #[test]
    fn no_sliding_second_at_the_provider_exceeds_the_limit(
        // At the highest limits, the sender can catch up with a late departure at once.
        per_second in prop_oneof![2 => 1u32..40, 1 => 100u32..=300],
        jitter_ms in 0i64..200,
        steps in prop::collection::vec(
            (
                prop_oneof![4 => 0i64..3_000, 1 => 0i64..80_000],
                0f64..=1.0,
                prop::bool::weighted(0.1),
                prop_oneof![9 => Just(0i64), 1 => 0i64..3_000_000],
                prop::option::weighted(0.02, 0i64..2_000_000),
            ),
            1..800,
        ),
    ) {
        let limit = limit(per_second, jitter_ms);
        let mut pacer = pacer(limit);
        let mut now_us = 1_000_000_000;
        let mut arrivals = Vec::new();
        for (late_us, transit, hands_over, idle_us, refused) in steps {
            if hands_over {
                pacer = Pacer::new(limit, pacer.position());
            }
            now_us = next_at_us(&pacer, now_us + idle_us) + late_us;
            let number = pacer.depart(now_us);
            if let Some(pause_us) = refused {
                pacer.throttled(number, now_us + pause_us);
            }
            arrivals.push(now_us + fraction_of(transit, jitter_ms * 1000));
        }
        prop_assert!(busiest_second(arrivals) <= per_second as usize);
    }

    /// The provider's own limit is lower than the configured one. The provider refuses requests
    /// that exceed its limit in a sliding second, and asks for a pause of a second.
    #[test]
    fn a_provider_with_a_lower_limit_than_configured_refuses_few_requests(
        per_second in 10u32..100,
        share in 0.3f64..0.9,
    ) {
        let allowed = (f64::from(per_second) * share).ceil();
        let mut pacer = pacer(limit(per_second, 25));
        let mut taken: VecDeque<i64> = VecDeque::new();
        let mut refused = 0;
        let count = 2_000;
        let mut now_us = 0;
        let start_us = next_at_us(&pacer, 0);
        for _ in 0..count {
            now_us = next_at_us(&pacer, now_us);
            let number = pacer.depart(now_us);
            taken.retain(|at_us| now_us - at_us < SECOND_US);
            if ((taken.len() + 1) as f64) > allowed {
                refused += 1;
                pacer.throttled(number, now_us + SECOND_US);
            } else {
                taken.push_back(now_us);
            }
        }
        prop_assert!(f64::from(refused) < 0.08 * f64::from(count), "{refused} refused");
        let used = f64::from(count - refused) / ((now_us - start_us) as f64 / 1e6);
        prop_assert!(used > 0.5 * allowed.floor(), "{used} of {allowed} a second");
    }

    /// The allowance covers only open connections. In this test requests open connections, which
    /// takes any time. Some connections never open, and their requests do not arrive.
    #[test]
    fn connections_that_open_slowly_do_not_exceed_the_limit(
        per_second in 1u32..20,
        jitter_ms in 0i64..100,
        steps in prop::collection::vec(
            (
                0i64..20_000,
                prop::option::weighted(0.4, (0i64..3_000_000, prop::bool::weighted(0.9))),
                0f64..=1.0,
                0i64..500_000,
                prop::bool::weighted(0.05),
            ),
            1..150,
        ),
    ) {
        let limit = limit(per_second, jitter_ms);
        let mut pacer = pacer(limit);
        let mut now_us = 1_000_000_000;
        let mut arrivals = Vec::new();
        // When a departure makes progress, its number, and whether its connection opens.
        let mut connecting: Vec<(i64, DepartureNumber, bool)> = Vec::new();
        for (late_us, opening, transit, idle_us, hands_over) in steps {
            now_us += idle_us / 10;
            loop {
                let waits = pacer.next() == Slot::AfterProgress
                    || (hands_over && pacer.is_connecting());
                connecting.sort_unstable();
                if !connecting.first().is_some_and(|(at_us, ..)| waits || *at_us <= now_us) {
                    break;
                }
                let (at_us, number, opens) = connecting.remove(0);
                now_us = now_us.max(at_us);
                if opens {
                    pacer.connected(number, at_us);
                } else {
                    pacer.answered(number, at_us);
                }
            }
            if hands_over {
                pacer = Pacer::new(limit, pacer.position());
                connecting.clear();
            }
            now_us = next_at_us(&pacer, now_us) + late_us;
            let number = pacer.depart(now_us);
            let transit_us = fraction_of(transit, jitter_ms * 1000);
            match opening {
                None => arrivals.push(now_us + transit_us),
                Some((takes_us, opens)) => {
                    pacer.connecting(number);
                    connecting.push((now_us + takes_us, number, opens));
                    if opens {
                        arrivals.push(now_us + takes_us + transit_us);
                    }
                }
            }
        }
        prop_assert!(busiest_second(arrivals) <= per_second as usize);
    }

    /// In this test a transit takes any time up to three seconds.
    #[test]
    fn a_strict_pacer_keeps_the_limit_for_any_transit_times(
        per_second in 1u32..20,
        steps in prop::collection::vec(
            (0i64..20_000, 0i64..3_000_000, 0i64..500_000), 1..150,
        ),
        hand_over_at in 0usize..150,
    ) {
        let limit = RateLimit { strict: true, ..limit(per_second, 0) };
        let mut pacer = pacer(limit);
        let mut now_us = 1_000_000_000;
        let mut arrivals = Vec::new();
        let mut in_flight: Vec<(i64, DepartureNumber)> = Vec::new();
        for (index, (late_us, transit_us, back_us)) in steps.into_iter().enumerate() {
            let is_handed_over = index == hand_over_at;
            loop {
                let waits = is_handed_over || pacer.next() == Slot::AfterProgress;
                in_flight.sort_unstable();
                let has_ended = in_flight.first().is_some_and(|(at, _)| waits || *at <= now_us);
                if !has_ended {
                    break;
                }
                let (at_us, number) = in_flight.remove(0);
                now_us = now_us.max(at_us);
                pacer.answered(number, at_us);
            }
            if is_handed_over {
                pacer = Pacer::new(limit, pacer.position());
            }
            now_us = next_at_us(&pacer, now_us) + late_us;
            let number = pacer.depart(now_us);
            arrivals.push(now_us + transit_us);
            in_flight.push((now_us + transit_us + back_us, number));
        }
        prop_assert!(busiest_second(arrivals) <= per_second as usize);
    }

    /// A punctual sender sends N / (1 + J) a second, less the microsecond by which each distance is
    /// rounded up.
    #[test]
    fn a_punctual_sender_uses_the_whole_limit_less_the_allowance(
        per_second in 1u32..=300,
        jitter_ms in 0i64..200,
    ) {
        let mut pacer = pacer(limit(per_second, jitter_ms));
        let start_us = next_at_us(&pacer, 0);
        let mut at_us = start_us;
        let count = 10 * i64::from(per_second);
        for _ in 0..count {
            at_us = next_at_us(&pacer, at_us);
            pacer.depart(at_us);
        }
        prop_assert!(at_us - start_us <= (count - 1) * pacer.interval_us());
    }

    /// A late departure costs a little, because the departure N after it keeps its distance to it.
    #[test]
    fn a_slightly_late_sender_uses_nearly_the_whole_limit_less_the_allowance(
        per_second in 1u32..=300,
        jitter_ms in 0i64..200,
        lateness_us in prop::collection::vec(0i64..2_000, 50),
    ) {
        let mut pacer = pacer(limit(per_second, jitter_ms));
        let start_us = next_at_us(&pacer, 0);
        let mut at_us = start_us;
        let count = 10 * per_second;
        for late_us in lateness_us.iter().cycle().take(count as usize) {
            at_us = next_at_us(&pacer, at_us) + late_us;
            pacer.depart(at_us);
        }
        let used = f64::from(count - 1) / ((at_us - start_us) as f64 / 1e6);
        let allowed = f64::from(per_second) / (1.0 + jitter_ms as f64 / 1000.0);
        prop_assert!(used >= allowed * 0.99, "{used} of {allowed} a second");
    }

    /// The limit changes during a drain, and where senders hand over.
    #[test]
    fn no_sliding_second_exceeds_the_highest_limit_in_force_during_it(
        jitter_ms in 0i64..100,
        steps in prop::collection::vec(
            (
                0i64..5_000,
                0f64..=1.0,
                prop::option::weighted(0.05, 1u32..=300),
                prop::bool::weighted(0.05),
            ),
            1..600,
        ),
    ) {
        let mut in_force = vec![(0, 50)];
        let mut pacer = pacer(limit(50, jitter_ms));
        let mut now_us = 1_000_000_000;
        let mut arrivals = Vec::new();
        for (late_us, transit, changed, hands_over) in steps {
            let current = pacer.limit();
            if hands_over {
                pacer = Pacer::new(current, pacer.position());
            }
            if let Some(per_second) = changed {
                pacer.set_limit(RateLimit { per_second, ..current });
                in_force.push((now_us, per_second));
            }
            now_us = next_at_us(&pacer, now_us) + late_us;
            pacer.depart(now_us);
            arrivals.push(now_us + fraction_of(transit, jitter_ms * 1000));
        }
        arrivals.sort_unstable();
        for (index, end_us) in arrivals.iter().enumerate() {
            let since_us = end_us - SECOND_US;
            let within = arrivals[..=index].iter().rev().take_while(|at| **at > since_us);
            // A request that arrives in this second left at most a jitter allowance earlier.
            let began = in_force.partition_point(|(at, _)| *at <= since_us - 1000 * jitter_ms);
            let highest = in_force[began.saturating_sub(1)..]
                .iter()
                .take_while(|(at, _)| at <= end_us)
                .map(|(_, per_second)| *per_second as usize)
                .max();
            prop_assert!(within.count() <= highest.unwrap_or(0));
        }
    }

    #[test]
    fn a_changed_limit_allows_no_early_departure(before in 1u32..300, after in 1u32..300) {
        let mut pacer = pacer(limit(before, 50));
        let at_us = next_at_us(&pacer, 0);
        pacer.depart(at_us);
        let spacings = [pacer.spacing_us(), {
            pacer.set_limit(limit(after, 50));
            pacer.spacing_us()
        }];
        let distance_us = next_at_us(&pacer, 0) - at_us;
        prop_assert!(spacings.iter().all(|spacing_us| distance_us >= spacing_us - CATCH_UP_US));
    }
}

#[test]
fn an_idle_lane_saves_up_no_departures() {
    let mut pacer = pacer(limit(10, 0));
    pacer.depart(1_000_000_000);
    pacer.depart(1_060_000_000);
    assert!(next_at_us(&pacer, 0) >= 1_060_100_000 - CATCH_UP_US);
}

#[test]
fn a_lowered_limit_counts_departures_under_the_higher_limit() {
    let mut pacer = pacer(limit(200, 0));
    for index in 0..100 {
        pacer.depart(1_000_000_000 + 5_000 * index);
    }
    pacer.set_limit(limit(10, 0));
    // Ten have left within the last 50 ms.
    assert_eq!(next_at_us(&pacer, 0), 1_000_000_000 + 5_000 * 90 + SECOND_US);
}

#[test]
fn a_successor_with_a_lower_limit_counts_departures_under_the_higher_limit() {
    let mut pacer = pacer(limit(200, 0));
    for _ in 0..300 {
        let at_us = next_at_us(&pacer, 0);
        pacer.depart(at_us);
    }
    let last_us = pacer.recent.back().expect("some").at_us;
    let successor = Pacer::new(limit(10, 0), pacer.position());
    assert!(next_at_us(&successor, 0) >= last_us + SECOND_US);
}

#[test]
fn a_limit_lowered_right_after_a_hand_over_counts_earlier_departures() {
    for own in [0, 1, 9, 10, 30] {
        let mut predecessor = pacer(limit(200, 0));
        let mut left_us: Vec<i64> = Vec::new();
        let send = |pacer: &mut Pacer, left_us: &mut Vec<i64>, count| {
            for _ in 0..count {
                let at_us = next_at_us(pacer, 0);
                pacer.depart(at_us);
                left_us.push(at_us);
            }
        };
        send(&mut predecessor, &mut left_us, 300);
        let mut successor = Pacer::new(limit(200, 0), predecessor.position());
        send(&mut successor, &mut left_us, own);
        successor.set_limit(limit(10, 0));
        let from = left_us.len();
        send(&mut successor, &mut left_us, 30);
        for index in from..left_us.len() {
            let since_us = left_us[index] - SECOND_US;
            let within = left_us[..=index].iter().filter(|at_us| **at_us > since_us).count();
            assert!(within <= 10, "after {own} of its own: {within} within a second");
        }
    }
}

#[test]
fn a_lowered_limit_ignores_a_predecessor_of_long_ago() {
    let mut predecessor = pacer(limit(200, 0));
    predecessor.depart(1_000_000_000);
    let mut successor = Pacer::new(limit(200, 0), predecessor.position());
    successor.depart(1_003_000_000);
    successor.set_limit(limit(10, 0));
    let wait_us = next_at_us(&successor, 0) - 1_003_000_000;
    assert!((90_000..=100_000).contains(&wait_us), "{wait_us} us");
}

#[test]
fn a_limit_lowered_and_raised_again_counts_the_predecessors_departures() {
    let mut predecessor = pacer(limit(200, 0));
    for _ in 0..300 {
        predecessor.depart(next_at_us(&predecessor, 0));
    }
    let began_us = predecessor.position().next_at_us;
    let mut successor = Pacer::new(limit(200, 0), predecessor.position());
    for _ in 0..30 {
        successor.depart(next_at_us(&successor, 0));
    }
    successor.set_limit(limit(10, 0));
    successor.set_limit(limit(60, 0));
    assert!(next_at_us(&successor, 0) >= began_us + SECOND_US);
}

#[test]
fn a_pause_that_the_provider_asks_for_is_kept_and_handed_over() {
    let mut pacer = pacer(limit(10, 0));
    let number = pacer.depart(1_000_000_000);
    pacer.throttled(number, 2_000_000_000);
    let successor = Pacer::new(limit(10, 0), pacer.position());
    assert_eq!(next_at_us(&successor, 0), 2_000_000_000);
    assert_eq!(
        successor.spacing_us(),
        2 * Pacer::new(limit(10, 0), PacerPosition::default()).spacing_us()
    );
}

#[test]
fn a_request_that_may_open_a_connection_counts_from_its_answer() {
    let mut pacer = pacer(limit(2, 25));
    let number = pacer.depart_untracked(1_000_000_000);
    pacer.depart(1_000_512_500);
    assert_eq!(pacer.next(), Slot::AfterProgress);
    pacer.answered(number, 1_000_300_000);
    assert_eq!(pacer.next(), Slot::At { at_us: 1_001_300_000 });
    assert!(pacer.position().next_at_us >= 1_001_300_000);
}

#[test]
fn a_request_that_opens_a_connection_counts_from_when_the_connection_is_open() {
    let mut pacer = pacer(limit(2, 25));
    let number = pacer.depart(1_000_000_000);
    pacer.connecting(number);
    pacer.depart(1_000_512_500);
    assert_eq!(pacer.next(), Slot::AfterProgress);
    assert!(pacer.is_connecting());
    pacer.connected(number, 1_000_100_000);
    assert!(!pacer.is_connecting());
    assert_eq!(pacer.next(), Slot::At { at_us: 1_001_125_000 });
}

#[test]
fn a_hand_over_costs_an_evenly_paced_lane_nothing() {
    let mut pacer = pacer(limit(10, 0));
    let mut at_us = next_at_us(&pacer, 0);
    for _ in 0..25 {
        pacer.depart(at_us);
        at_us = next_at_us(&pacer, 0);
    }
    assert_eq!(pacer.position().next_at_us, at_us);
}

#[test]
fn a_strict_pacer_waits_for_an_answer_and_then_a_second() {
    let mut pacer = pacer(RateLimit { strict: true, ..limit(1, 0) });
    let number = pacer.depart(1_000_000_000);
    assert_eq!(pacer.next(), Slot::AfterProgress);
    pacer.answered(number, 1_005_000_000);
    assert_eq!(pacer.next(), Slot::At { at_us: 1_006_000_000 });
}
