//! The provider is back, and the sender searches for a message with which it can close the circuit.

use std::time::Duration;

use alimi::domain::circuit_breaker::{CircuitBreaker, Failure};
use alimi::domain::hours::Window;
use alimi::domain::{HoursConfig, PacerPosition, Status};
use alimi::ports::{Acquired, Clock, Lanes, Saved, WakeGroup};
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::simulator::Kind;
use alimi_local::testing::world::{World, WorldSettings};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{LANE, REAL_TIME, SCHEDULED, count, post};
use crate::faults::terms_of_another;
use crate::phone_numbers::DELIVERED;

/// A drain and its hand-over may last this long. Lambda ends the sender after 40 s.
const DRAIN_MAX: Duration = Duration::from_secs(25);

/// The lane's circuit is open, and its probe is due.
async fn open_the_circuit(world: &World) {
    let mut circuit_breaker = CircuitBreaker::default();
    circuit_breaker.fail(Failure::ClosedDoor, world.clock.now_us() - 5_000_000, 0);
    let position = PacerPosition { circuit_breaker, ..PacerPosition::default() };
    let terms = terms_of_another(world.clock.now_ms());
    let acquired = world.store.acquire(LANE, terms).await.expect("an answer");
    let Acquired::Leased(lease) = acquired else { panic!("{acquired:?}") };
    let released = world.store.release(&lease, position).await.expect("released");
    assert_eq!(released, Saved::Done);
    world.store.close_drain(LANE, lease.fence).await.expect("closed");
}

/// The world begins at 10:00 in Seoul. The window of scheduled messages has just closed.
async fn close_the_window(world: &World) {
    let scheduled = Window::new("09:00", "10:00").expect("a window");
    let hours = HoursConfig { scheduled, ..HoursConfig::default() };
    world.store.put_hours(&hours).await.expect("stored");
}

fn tokens(world: &World) -> usize {
    world.simulator.arrivals().iter().filter(|arrival| arrival.kind == Kind::Token).count()
}

#[tokio::test(start_paused = true)]
async fn a_lane_whose_messages_are_all_in_closed_classes_comes_to_rest() {
    let world = World::new(WorldSettings::default()).await;
    close_the_window(&world).await;
    for page in 0..7 {
        post(&world, &format!("closed-{page}"), SCHEDULED, 500).await;
    }
    open_the_circuit(&world).await;
    let before = world.queue.sent();
    let drained = world.stack.sender.drain(LANE, WakeGroup::Zero, None).await;
    drained.expect("drained");
    assert_eq!(world.queue.sent(), before, "no successor has anything to do");
    assert_eq!(tokens(&world), 1, "one probe");
    assert_eq!(count(&world, Status::Queued), 3500);
}

#[tokio::test(start_paused = true)]
async fn a_search_among_messages_that_have_expired_ends_with_the_slice() {
    let settings =
        WorldSettings { database_latency: Duration::from_millis(5), ..WorldSettings::default() };
    let world = World::new(settings).await;
    post(&world, "first", REAL_TIME, 1).await;
    let expires_at = Timestamp::from_millisecond(world.clock.now_ms() + 30_000);
    let expires_at = expires_at.expect("a time").to_string();
    for page in 0..4 {
        let many = (0..500).map(|n| {
            json!({
                "template": "photo-and-video", "expires_at": expires_at,
                "to": { "id": format!("t{page}-{n}"), "phone": DELIVERED },
                "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
            })
        });
        let body = Value::Array(many.collect());
        let key = format!("late-{page}");
        let (status, _) = world.produce("POST", "/v1/notifications", Some(&key), body).await;
        assert_eq!(status, 202);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    open_the_circuit(&world).await;
    let (before, began_at) = (world.queue.sent(), Instant::now());
    let drained = world.stack.sender.drain(LANE, WakeGroup::Zero, None).await;
    drained.expect("drained");
    assert!(began_at.elapsed() < DRAIN_MAX, "the drain took {:?}", began_at.elapsed());
    assert!(count(&world, Status::Queued) > 1, "the search was not cut off");
    assert!(world.queue.sent() > before, "a successor goes on");
    let state = world.store.lane_state(LANE).await.expect("the row").expect("a row");
    assert!(state.open_drains.is_empty(), "{:?}", state.open_drains);
}

/// The only message is tried again, although one write of its claim failed.
#[tokio::test(start_paused = true)]
async fn a_claim_that_fails_during_a_probe_is_tried_again() {
    for passed in 0..40 {
        let world = World::new(WorldSettings::default()).await;
        post(&world, "only", REAL_TIME, 1).await;
        open_the_circuit(&world).await;
        world.faults.pass(passed);
        (0..alimi::aws::TRIES).for_each(|_| world.faults.add(DatabaseFault::Failed));
        let drained = world.stack.sender.drain(LANE, WakeGroup::Zero, None).await;
        drained.expect("drained");
        let sent = world.simulator.arrivals().iter().filter(|a| a.reference.is_some()).count();
        assert_eq!(sent, 1, "after {passed} requests");
    }
}
