//! What a round reads does not depend on how many messages await their receipts.

use std::time::Duration;

use alimi::ports::Clock;
use alimi_local::testing::database_usage::DatabaseUsage;
use alimi_local::testing::world::{World, WorldSettings};

use super::{LANE, accepted, copy_rows, round};

#[tokio::test(start_paused = true)]
async fn a_round_costs_the_same_however_many_messages_await_their_receipts() {
    let database_usage = DatabaseUsage::default();
    let settings =
        WorldSettings { database_usage: database_usage.clone(), ..WorldSettings::default() };
    let world = World::new(settings).await;
    let id = accepted(&world, "one").await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    round(&world).await;

    let usage_of_a_round = async || {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let before = database_usage.total();
        round(&world).await;
        database_usage.total().since(before)
    };
    let of_one = usage_of_a_round().await;
    // They were claimed a minute and a half ago, at the same time as the first one.
    let deadline_ms = world.notification(&id).await.deadline_ms.expect("a deadline");
    assert!(deadline_ms > world.clock.now_ms() + 600_000);
    copy_rows(&world, &id, 2_000, LANE, deadline_ms);
    let of_many = usage_of_a_round().await;
    assert_eq!(of_many, of_one);
}
