//! A lane that must wait for a probe or for the end of a pause is woken then, and not before.

use std::time::Duration;

use alimi::domain::PacerPosition;
use alimi::domain::circuit_breaker::{CircuitBreaker, Failure, Permit};
use alimi::ports::{Clock, Lanes, Saved};
use alimi_local::testing::world::{World, WorldSettings};
use tokio::time::Instant;

use super::{LANE, begin_round, lease, post, release};

/// Both groups of the lane that the sweeper wakes.
const ONE_WAKE: u64 = 2;

/// A position with an open circuit. The sixth failure makes a pause of 32 s.
fn open_circuit(world: &World, failures: usize) -> PacerPosition {
    let now_us = world.clock.now_us();
    let mut circuit_breaker = CircuitBreaker::default();
    for _ in 0..failures {
        circuit_breaker.probe_now();
        circuit_breaker.fail(Failure::ClosedDoor, now_us, 0);
    }
    assert!(matches!(circuit_breaker.permit(now_us), Permit::Probe { at_us } if at_us > now_us));
    PacerPosition { circuit_breaker, ..PacerPosition::default() }
}

/// A world whose lane has a position and no open drain.
async fn world_with(position: impl FnOnce(&World) -> PacerPosition) -> World {
    let world = World::new(WorldSettings::default()).await;
    end_drain(&world, 1, position(&world)).await;
    world
}

/// A drain that ends in order and leaves a position.
async fn end_drain(world: &World, holder: u64, position: PacerPosition) {
    let lease = lease(world, holder).await;
    release(world, &lease, position).await;
    world.store.close_drain(LANE, lease.fence).await.expect("closed");
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_with_an_open_circuit_is_woken_for_its_probe_and_not_before() {
    let world = world_with(|world| open_circuit(world, 6)).await;
    post(&world, "queued").await;
    let before = world.queue.sent();
    let began_at = Instant::now();
    let round = begin_round(&world);
    seconds(27).await;
    assert_eq!(world.queue.sent(), before, "the probe is not due");
    seconds(8).await;
    assert_eq!(world.queue.sent(), before + ONE_WAKE);
    // Nobody handles the wake, so it is repeated.
    seconds(10).await;
    assert_eq!(world.queue.sent(), before + 2 * ONE_WAKE);
    let report = round.await.expect("a round");
    assert_eq!(report.lanes_woken, 1);
    assert!(began_at.elapsed() < Duration::from_secs(58), "{:?}", began_at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_is_followed_by_a_wake_for_the_next_one() {
    let world = world_with(|world| open_circuit(world, 4)).await;
    post(&world, "queued").await;
    let before = world.queue.sent();
    let _round = begin_round(&world);
    // The probe is due after 8 s. It fails, and the next one is due 16 s later.
    seconds(9).await;
    assert_eq!(world.queue.sent(), before + ONE_WAKE);
    end_drain(&world, 2, open_circuit(&world, 5)).await;
    seconds(14).await;
    assert_eq!(world.queue.sent(), before + ONE_WAKE, "the next probe is not due");
    seconds(8).await;
    assert_eq!(world.queue.sent(), before + 2 * ONE_WAKE);
}

/// The probe succeeds, and no message may leave that could close the circuit. The row stays as it is.
#[tokio::test(start_paused = true)]
async fn a_lane_is_woken_twice_at_most_for_one_probe() {
    let world = world_with(|world| open_circuit(world, 4)).await;
    post(&world, "queued").await;
    let before = world.queue.sent();
    let round = begin_round(&world);
    round.await.expect("a round");
    assert_eq!(world.queue.sent(), before + 2 * ONE_WAKE);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_succeeds_ends_the_wakes() {
    let world = world_with(|world| open_circuit(world, 4)).await;
    post(&world, "queued").await;
    let before = world.queue.sent();
    let began_at = Instant::now();
    let round = begin_round(&world);
    seconds(9).await;
    end_drain(&world, 2, PacerPosition::default()).await;
    round.await.expect("a round");
    assert_eq!(world.queue.sent(), before + ONE_WAKE);
    assert!(began_at.elapsed() < Duration::from_secs(25), "{:?}", began_at.elapsed());
}

/// The wake of the message itself finds that the lane must wait.
#[tokio::test(start_paused = true)]
async fn a_message_that_comes_while_the_lane_waits_is_found_when_the_probe_is_due() {
    let world = world_with(|world| open_circuit(world, 6)).await;
    let round = begin_round(&world);
    seconds(10).await;
    post(&world, "queued").await;
    let before = world.queue.sent();
    seconds(25).await;
    assert_eq!(world.queue.sent(), before + ONE_WAKE);
    assert_eq!(round.await.expect("a round").lanes_woken, 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_lane_without_messages_is_not_woken() {
    let world = world_with(|world| open_circuit(world, 6)).await;
    let began_at = Instant::now();
    let report = begin_round(&world).await.expect("a round");
    assert_eq!((report.lanes_woken, world.queue.sent()), (0, 0));
    assert!(began_at.elapsed() < Duration::from_secs(40), "{:?}", began_at.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_round_does_not_wait_for_a_probe_that_a_later_round_finds_due() {
    let world = world_with(|world| open_circuit(world, 8)).await;
    post(&world, "queued").await;
    let before = world.queue.sent();
    let began_at = Instant::now();
    begin_round(&world).await.expect("a round");
    assert_eq!(world.queue.sent(), before);
    assert!(began_at.elapsed() < Duration::from_secs(1), "{:?}", began_at.elapsed());
    seconds(130).await;
    let _round = begin_round(&world);
    seconds(1).await;
    assert_eq!(world.queue.sent(), before + ONE_WAKE);
}

#[tokio::test(start_paused = true)]
async fn a_lane_is_woken_once_when_the_providers_pause_is_over() {
    let world = world_with(|world| {
        let next_at_us = world.clock.now_us() + 20_000_000;
        PacerPosition { next_at_us, ..PacerPosition::default() }
    })
    .await;
    post(&world, "queued").await;
    let before = world.queue.sent();
    let round = begin_round(&world);
    seconds(15).await;
    assert_eq!(world.queue.sent(), before);
    round.await.expect("a round");
    assert_eq!(world.queue.sent(), before + ONE_WAKE);
}

/// A crashed sender saved an open circuit. Its claims have to be recovered.
#[tokio::test(start_paused = true)]
async fn a_lane_whose_lease_expired_is_woken_whatever_its_position_says() {
    let world = World::new(WorldSettings::default()).await;
    let crashed = lease(&world, 1).await;
    let until_ms = world.clock.now_ms() + 10_000;
    let renewed = world.store.renew(&crashed, open_circuit(&world, 8), until_ms).await;
    assert_eq!(renewed.expect("an answer"), Saved::Done);
    post(&world, "queued").await;
    let before = world.queue.sent();
    seconds(11).await;
    let _round = begin_round(&world);
    seconds(1).await;
    assert_eq!(world.queue.sent(), before + ONE_WAKE);
}
