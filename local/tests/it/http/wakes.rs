//! A request wakes the lane of its messages, unless this process has woken it in the same second.

use std::collections::BTreeSet;
use std::time::Duration;

use alimi::ports::Clock;
use alimi_local::testing::world::World;

use super::requests::{post, valid, world};

fn second(world: &World) -> i64 {
    world.clock.now_ms() / 1_000
}

#[tokio::test(start_paused = true)]
async fn a_hundred_requests_of_one_lane_send_one_wake_a_second() {
    let world = world().await;
    // A request ends right after it has woken the lane.
    let mut seconds = BTreeSet::new();
    for n in 0..100 {
        post(&world, "/v1/notifications", &format!("k{n}"), &valid()).await;
        seconds.insert(second(&world));
    }
    assert!(seconds.len() < 10, "{seconds:?}");
    assert_eq!(world.queue.requests(), seconds.len() as u64);
    assert_eq!(world.queue.sent(), world.queue.requests());

    tokio::time::sleep(Duration::from_secs(1)).await;
    post(&world, "/v1/notifications", "later", &valid()).await;
    assert_eq!(world.queue.requests(), seconds.len() as u64 + 1, "another second");
}
