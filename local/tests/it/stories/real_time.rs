//! A real-time message overtakes a backlog, and only a busy lane pays for that.

use std::time::Duration;

use alimi_local::testing::database_usage::DatabaseUsage;
use alimi_local::testing::world::{World, WorldSettings};

use super::producer::{TEMPLATE, arrivals_us, post_many, post_one};
use crate::phone_numbers::NO_RECEIPT;

/// A world whose channel has this limit, and the use of its database.
async fn world_with(per_second: u32) -> (World, DatabaseUsage) {
    let mut settings = WorldSettings::default();
    let limit = format!("per_second: {per_second}\n");
    settings.catalog = settings.catalog.replace("per_second: 40\n", &limit);
    settings.simulator.per_second = per_second;
    let usage = settings.database_usage.clone();
    (World::new(settings).await, usage)
}

#[tokio::test(start_paused = true)]
async fn a_real_time_message_leaves_in_one_of_the_next_slots_behind_a_backlog() {
    let (world, _) = world_with(50).await;
    for part in 0..3 {
        post_many(&world, &format!("batch-{part}"), 500, TEMPLATE, NO_RECEIPT).await;
    }
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut ids = Vec::new();
    for n in 0..60 {
        // Different places between two slots.
        tokio::time::sleep(Duration::from_millis(131 + 17 * (n % 7))).await;
        ids.push(post_one(&world, &format!("now-{n}"), NO_RECEIPT).await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut waits_ms = Vec::new();
    for id in ids {
        let arrived_us = arrivals_us(&world, &id)[0];
        waits_ms.push(arrived_us / 1000 - world.notification(&id).await.created_at_ms);
    }
    waits_ms.sort_unstable();
    // A slot is 21 ms. Here a claim takes 8 ms, so messages are claimed some 20 ms before.
    assert!(waits_ms[30] <= 50, "{waits_ms:?}");
    assert!(waits_ms[59] <= 100, "{waits_ms:?}");
}

/// How often the queue is read in a second. Nothing else queries the database.
async fn queries_a_second(usage: &DatabaseUsage) -> f64 {
    const SECONDS: u32 = 10;
    let queries = || usage.by_operation().get("Query").map_or(0, |queries| queries.requests);
    // The slice has begun.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let before = queries();
    tokio::time::sleep(Duration::from_secs(1) * SECONDS).await;
    (queries() - before) as f64 / f64::from(SECONDS)
}

#[tokio::test(start_paused = true)]
async fn a_lane_pays_for_one_read_before_each_slot_and_sixty_a_second_at_most() {
    // Besides, the heads of two classes are read ten times a second each, and waiting messages
    // twice.
    for (per_second, backlog, reads) in
        [(1, 60, 0.0..25.0), (50, 1_500, 50.0..75.0), (200, 4_000, 50.0..90.0)]
    {
        let (world, usage) = world_with(per_second).await;
        for part in 0..=(backlog / 500) {
            let count = usize::min(500, backlog - 500 * part);
            if count > 0 {
                post_many(&world, &format!("batch-{part}"), count, TEMPLATE, NO_RECEIPT).await;
            }
        }
        world.start_senders();
        let a_second = queries_a_second(&usage).await;
        assert!(reads.contains(&a_second), "{per_second}/s: {a_second} queries a second");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_has_nothing_to_claim_pays_for_no_read_before_a_slot() {
    let (world, usage) = world_with(50).await;
    world.start_senders();
    let posting = async {
        for n in 0.. {
            post_one(&world, &format!("now-{n}"), NO_RECEIPT).await;
            tokio::time::sleep(Duration::from_millis(490)).await;
        }
    };
    tokio::select! {
        () = posting => panic!("it never ends"),
        a_second = queries_a_second(&usage) => {
            // The producer's requests ask for the producers.
            assert!(a_second < 20.0, "{a_second} queries a second");
        }
    }
}
