//! A lane uses the limit of its channel, never exceeds it, and slows no other lane.

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::domain::{Outcome, Status};
use alimi::ports::{Catalog, Clock};
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};

use super::producer::{LIMIT, TEMPLATE, arrivals_us, post_many, post_one};
use crate::phone_numbers::{DELIVERED, NO_RECEIPT, REJECTED};

#[tokio::test(start_paused = true)]
async fn a_drain_counts_its_outcomes_answers_and_waits() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "k1", DELIVERED).await;
    post_one(&world, "k2", REJECTED).await;
    world.settle(SETTLES_WITHIN).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let drains = world.meter.drains();
    let mut outcomes = BTreeMap::new();
    for drained in &drains {
        assert_eq!(drained.channel, "alimtalk-main");
        for (outcome, count) in &drained.metrics.outcomes {
            *outcomes.entry(*outcome).or_insert(0) += count;
        }
    }
    assert_eq!(outcomes, BTreeMap::from([(Outcome::Accepted, 1), (Outcome::Rejected, 1)]));
    let metrics = &drains[0].metrics;
    assert!(metrics.in_flight_max >= 1);
    assert_eq!(metrics.answers.count(), metrics.ended_requests());
    assert_eq!(metrics.waits_real_time.count(), metrics.ended_requests());
    assert_eq!(metrics.waits_scheduled.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn real_time_messages_overtake_a_backlog() {
    let world = World::new(WorldSettings::default()).await;
    post_many(&world, "batch", 200, TEMPLATE, DELIVERED).await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let posted_at_us = world.clock.now_us();
    let id = post_one(&world, "now", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let waited_ms = (arrivals_us(&world, &id)[0] - posted_at_us) / 1000;
    // Two slots of the pace, and 150 ms.
    assert!(waited_ms <= 2 * 27 + 150, "a real-time message waited {waited_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn a_busy_lane_keeps_the_limit_across_hand_overs_and_uses_it() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    for part in 0..5 {
        post_many(&world, &format!("batch-{part}"), 500, TEMPLATE, DELIVERED).await;
    }
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let arrivals = world.simulator.arrivals();
    assert!(arrivals.iter().all(|arrival| arrival.code == 1000), "a request was refused");
    // 2,500 messages at 40 in 1.05 s take three slices, with two hand-overs between them.
    let (first, last) = (arrivals[0].at_us, arrivals[arrivals.len() - 1].at_us);
    let rate = 2500.0 / ((last - first) as f64 / 1e6);
    assert!(rate > 0.95 * 40.0 / 1.05, "{rate} a second");
}

#[tokio::test(start_paused = true)]
async fn a_fast_lane_uses_its_limit() {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("per_second: 40", "per_second: 200");
    settings.simulator.per_second = 200;
    // A claim takes as long as five slots of the pace.
    settings.database_latency = Duration::from_millis(6);
    let world = World::new(settings).await;
    for part in 0..4 {
        post_many(&world, &format!("batch-{part}"), 500, TEMPLATE, DELIVERED).await;
    }
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(200);
    let arrivals = world.simulator.arrivals();
    let (first, last) = (arrivals[2].at_us, arrivals[arrivals.len() - 1].at_us);
    let rate = 2000.0 / ((last - first) as f64 / 1e6);
    assert!(rate > 0.95 * 200.0 / 1.05, "{rate} a second");
}

#[tokio::test(start_paused = true)]
async fn a_changed_limit_takes_effect_within_a_second() {
    let world = World::new(WorldSettings::default()).await;
    post_many(&world, "batch", 400, TEMPLATE, DELIVERED).await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut channel =
        world.store.channel("alimtalk-main").await.expect("the store").expect("the channel");
    channel.limit.per_second = 5;
    world.store.put_channel(&channel).await.expect("stored");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = world.simulator.arrivals().len();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let during = world.simulator.arrivals().len() - before;
    assert!((44..=50).contains(&during), "{during} in ten seconds");
    channel.limit.per_second = 30;
    world.store.put_channel(&channel).await.expect("stored");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = world.simulator.arrivals().len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let during = world.simulator.arrivals().len() - before;
    assert!((80..=90).contains(&during), "{during} in three seconds");
}

#[tokio::test(start_paused = true)]
async fn a_strict_channel_keeps_the_limit_without_trusting_the_transit_time() {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("jitter: 50ms", "jitter: 0s\n      strict: true");
    settings.simulator.latency = Duration::from_millis(300);
    settings.simulator.latency_jitter = Duration::from_millis(250);
    let world = World::new(settings).await;
    // More than one slice, so that one sender hands over to the next.
    for part in 0..2 {
        post_many(&world, &format!("batch-{part}"), 400, TEMPLATE, DELIVERED).await;
    }
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let arrivals = world.simulator.arrivals();
    let (first, last) = (arrivals[2].at_us, arrivals[arrivals.len() - 1].at_us);
    let rate = 800.0 / ((last - first) as f64 / 1e6);
    assert!((20.0..40.0).contains(&rate), "{rate} a second");
}

/// Both channels share the limit of the one simulated provider. So this test only shows that a
/// message of the second channel leaves while the lane of the first channel is busy for minutes.
#[tokio::test(start_paused = true)]
async fn a_busy_channel_does_not_slow_another() {
    let mut settings = WorldSettings::default();
    settings.simulator.per_second = 80;
    let (channels, templates) = settings.catalog.split_once("templates:").expect("two parts");
    let (head, main) = channels.split_once("  alimtalk-main:").expect("a channel");
    let (first, second) = templates.split_once("  photo-and-video:").expect("two templates");
    settings.catalog = format!(
        "{head}  alimtalk-main:{main}  alimtalk-other:{main}\ntemplates:{first}  photo-and-video:{}",
        second.replace("alimtalk-main", "alimtalk-other")
    );
    let world = World::new(settings).await;
    post_many(&world, "busy", 500, "consultation-start", NO_RECEIPT).await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let quick = post_one(&world, "quick", NO_RECEIPT).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = world.notification(&quick).await;
    assert_eq!(sent.status, Status::Accepted, "the message waited behind another channel");
    assert!(world.unsettled().len() > 300);
}
