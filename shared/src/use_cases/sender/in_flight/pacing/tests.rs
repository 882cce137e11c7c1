//! What may depart while the circuit is open.

use jiff::SignedDuration;

use super::*;
use crate::domain::Outcome;
use crate::domain::hold::lane_holds;
use crate::domain::pacer::WAIT_IN_DRAIN_US;
use crate::ports::{Clock, PortError};

const SECOND: Duration = Duration::from_secs(1);

/// A clock that stands still. A drain counts on by the monotonic clock.
struct Standing;

impl Clock for Standing {
    fn now_us(&self) -> i64 {
        1_772_413_200_000_000
    }
}

/// No randomness: pauses are as short as possible.
struct NoJitter;

impl Randomness for NoJitter {
    fn next_u64(&self) -> u64 {
        0
    }

    fn secret_bytes(&self) -> Result<[u8; 32], PortError> {
        Ok([0; 32])
    }
}

fn pacing_from(position: PacerPosition) -> Pacing {
    let clock = SteadyClock::new(Arc::new(Standing));
    let limit = RateLimit { per_second: 10, jitter: SignedDuration::ZERO, strict: false };
    Pacing::new("main", clock, Arc::new(NoJitter), limit, position)
}

fn pacing() -> Pacing {
    pacing_from(PacerPosition::default())
}

fn end(pacing: &mut Pacing, outcome: Outcome, advice: LaneAdvice) {
    pacing.depart().ended(outcome, advice);
    pacing.apply_reported();
}

#[tokio::test(start_paused = true)]
async fn nothing_but_a_probe_departs_while_the_circuit_is_open() {
    let mut pacing = pacing();
    assert_eq!(pacing.until_slot(), Some(Duration::ZERO));
    assert_eq!(pacing.until_probe(), None);
    pacing.fail(Failure::ClosedDoor);
    assert_eq!((pacing.until_slot(), pacing.until_probe()), (None, Some(SECOND)));
    tokio::time::sleep(SECOND).await;
    assert_eq!((pacing.until_slot(), pacing.until_probe()), (None, Some(Duration::ZERO)));
}

#[tokio::test(start_paused = true)]
async fn one_message_may_depart_as_a_probe_once_the_probe_is_due() {
    let mut pacing = pacing();
    pacing.fail(Failure::ClosedDoor);
    pacing.allow_probe();
    assert_eq!(pacing.until_slot(), Some(SECOND));
    tokio::time::sleep(SECOND).await;
    let probe = pacing.depart();
    assert_eq!((pacing.until_slot(), pacing.until_probe()), (None, None), "one is in flight");
    probe.ended(Outcome::Uncertain, LaneAdvice::Continue);
    pacing.apply_reported();
    assert_eq!((pacing.until_slot(), pacing.until_probe()), (None, Some(2 * SECOND)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_the_probe_lets_the_lane_continue() {
    let mut pacing = pacing();
    pacing.fail(Failure::ClosedDoor);
    assert!(pacing.take_new_pause());
    tokio::time::sleep(SECOND).await;
    pacing.allow_probe();
    end(&mut pacing, Outcome::Rejected, LaneAdvice::Continue);
    assert!(!pacing.is_circuit_open());
    assert!(pacing.take_new_pause(), "the lease's row still says that the circuit is open");
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_opens_the_circuit_and_keeps_it_open_for_longer() {
    let mut pacing = pacing();
    end(&mut pacing, Outcome::ChannelDown, LaneAdvice::OpenCircuit);
    assert!(pacing.take_new_pause());
    assert_eq!(pacing.until_probe(), Some(SECOND));
    tokio::time::sleep(SECOND).await;
    end(&mut pacing, Outcome::ChannelDown, LaneAdvice::OpenCircuit);
    assert_eq!(pacing.until_probe(), Some(2 * SECOND));
}

/// The sender fetches another token for the next probe.
#[tokio::test(start_paused = true)]
async fn a_refused_token_neither_opens_nor_closes_the_circuit() {
    let mut pacing = pacing();
    end(&mut pacing, Outcome::ChannelDown, LaneAdvice::Continue);
    assert!(!pacing.is_circuit_open());
    pacing.fail(Failure::ClosedDoor);
    tokio::time::sleep(SECOND).await;
    end(&mut pacing, Outcome::ChannelDown, LaneAdvice::Continue);
    assert!(pacing.is_circuit_open());
}

#[tokio::test(start_paused = true)]
async fn a_successor_continues_with_the_open_circuit_and_an_operator_can_hurry_it() {
    let mut predecessor = pacing();
    predecessor.fail(Failure::ClosedDoor);
    let since_ms = predecessor.circuit_open_since_ms();
    let mut successor = pacing_from(predecessor.position());
    assert_eq!(successor.until_probe(), Some(SECOND));
    assert_eq!(successor.circuit_open_since_ms(), since_ms);
    successor.probe_now();
    assert_eq!(successor.until_probe(), Some(Duration::ZERO));
}

/// What an operator is told of a lane is what its sender goes by.
#[tokio::test(start_paused = true)]
async fn a_message_has_a_slot_soon_exactly_when_nothing_holds_its_lane() {
    let now_us = Standing.now_us();
    for failures in 0..4 {
        let mut circuit_breaker = CircuitBreaker::default();
        (0..failures).for_each(|number| {
            let at_us = now_us - 60_000_000 + 10_000_000 * i64::from(number);
            circuit_breaker.fail(Failure::ClosedDoor, at_us, 0);
        });
        for next_at_us in [0, now_us - 1, now_us, now_us + WAIT_IN_DRAIN_US] {
            let position =
                PacerPosition { next_at_us, circuit_breaker, ..PacerPosition::default() };
            let pacing = pacing_from(position);
            let holds: Vec<LaneHold> = lane_holds(position, now_us).collect();
            assert_eq!(holds.is_empty(), failures == 0, "{position:?}");
            assert_eq!(pacing.is_circuit_open(), failures > 0);
            assert_eq!(pacing.pause(), None);
            let longest = duration_of_us(WAIT_IN_DRAIN_US);
            let has_slot = pacing.until_slot().is_some_and(|wait| wait <= longest);
            assert_eq!(has_slot, failures == 0, "{position:?}");
        }
        for next_at_us in [now_us + WAIT_IN_DRAIN_US + 1, now_us + 300_000_000, i64::MAX / 4] {
            let position =
                PacerPosition { next_at_us, circuit_breaker, ..PacerPosition::default() };
            let pacing = pacing_from(position);
            let pauses =
                lane_holds(position, now_us).find(|hold| matches!(hold, LaneHold::Paused { .. }));
            assert!(pauses.is_some(), "{position:?}");
            // While the circuit is open, the lane waits for its probe.
            assert_eq!(pacing.pause(), pauses.filter(|_| failures == 0), "{position:?}");
            let longest = duration_of_us(WAIT_IN_DRAIN_US);
            assert!(pacing.until_slot().is_none_or(|wait| wait > longest), "{position:?}");
        }
    }
}
