//! Troubles that are over within a second: a revoked token, and a process without a free socket.

use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::NoResponse;
use alimi_local::simulator::Kind;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};

use super::producer::{LIMIT, TEMPLATE, arrivals_us, post_many, post_one};
use crate::phone_numbers::DELIVERED;

/// The longest time in which the provider took no message, between the first and the last one.
fn longest_standstill_us(world: &World) -> i64 {
    let arrivals = world.simulator.arrivals();
    let taken: Vec<i64> =
        arrivals.iter().filter(|arrival| arrival.was_accepted()).map(|a| a.at_us).collect();
    taken.windows(2).map(|two| two[1] - two[0]).max().expect("several messages")
}

/// Another user of the provider's account revokes the tokens, each in the middle of a backlog and two
/// seconds after Alimi fetched it.
#[tokio::test(start_paused = true)]
async fn a_lane_whose_young_tokens_are_revoked_continues_within_a_second() {
    const REVOKED: usize = 4;
    let world = World::new(WorldSettings::default()).await;
    post_many(&world, "batch", 400, TEMPLATE, DELIVERED).await;
    world.start_senders();
    for _ in 0..REVOKED {
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.simulator.forget_tokens();
    }
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let all = world.notifications();
    assert!(all.values().all(|n| n.status == Status::Delivered && n.attempt == 1));
    let put_back = all.values().filter(|n| n.claim > 1).count();
    assert!(put_back >= REVOKED, "only {put_back} messages met a revoked token");
    let standstill_us = longest_standstill_us(&world);
    assert!(standstill_us < 1_000_000, "the lane stood still for {standstill_us} µs");
    let tokens = world.simulator.arrivals().iter().filter(|a| a.kind == Kind::Token).count();
    assert_eq!(tokens, 1 + REVOKED);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_finds_no_free_socket_leaves_a_second_later() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "first", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;

    world.http.fail_next(NoResponse::NoSocket("too many open files".into()));
    let id = post_one(&world, "k", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let notification = world.notification(&id).await;
    assert_eq!(notification.status, Status::Delivered);
    assert_eq!((notification.attempt, notification.failures), (1, 0));
    let [arrived_us] = arrivals_us(&world, &id)[..] else { panic!("one arrival") };
    let waited_ms = arrived_us / 1000 - notification.created_at_ms;
    assert!((1000..3000).contains(&waited_ms), "it left after {waited_ms} ms");
}
