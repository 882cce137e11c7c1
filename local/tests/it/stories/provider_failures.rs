//! A provider that fails, refuses or hangs loses no message and gets no flood of requests.

use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::NoResponse;
use alimi_local::simulator::{Fault, Kind, Outage};
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};

use super::producer::{LIMIT, TEMPLATE, arrivals_us, post_many, post_one};
use crate::phone_numbers::{ANSWER_LOST, DELIVERED};

/// More often than the channel retries.
#[tokio::test(start_paused = true)]
async fn a_message_that_finds_no_connection_uses_up_no_retry() {
    let world = World::new(WorldSettings::default()).await;
    let id = post_one(&world, "k", DELIVERED).await;
    // The first request asks for the token.
    world.simulator.fail_next(Fault { status: 200, code: 9999, reset_s: None });
    world.start_senders();
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.settle(SETTLES_WITHIN).await;
    assert_eq!(world.notification(&id).await.status, Status::Delivered);

    let id = post_one(&world, "k2", DELIVERED).await;
    for _ in 0..5 {
        world.http.fail_next(NoResponse::NotSent("refused".into()));
    }
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let notification = world.notification(&id).await;
    assert_eq!(notification.status, Status::Delivered);
    assert_eq!((notification.attempt, notification.failures), (1, 0));
    assert_eq!(notification.claim, 6);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_message_waits_out_the_pause_and_counts_no_failure() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "first", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;

    let id = post_one(&world, "k", DELIVERED).await;
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(7) });
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let notification = world.notification(&id).await;
    assert_eq!(notification.status, Status::Delivered);
    assert_eq!(notification.attempt, 1);
    assert_eq!(notification.failures, 0);
    assert_eq!(notification.claim, 2);
    let arrived_us = arrivals_us(&world, &id);
    assert!(arrived_us[1] - arrived_us[0] >= 7_000_000, "the provider asked for a pause of 7 s");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_lane_slows_down_for_a_while_and_across_slices() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "first", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    let before = world.simulator.arrivals().len();
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(1) });
    for index in 0..(60 * LIMIT) {
        post_one(&world, &format!("k{index}"), DELIVERED).await;
    }
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let arrivals = world.simulator.arrivals();
    let times: Vec<_> = arrivals[before..].iter().map(|a| a.at_us).collect();
    let start_us = times[0];
    let arrivals_in_second = |from: i64| {
        let second = start_us + from * 1_000_000..start_us + (from + 1) * 1_000_000;
        times.iter().filter(|at| second.contains(at)).count()
    };
    let [third, twelfth, twenty_second, full] = [3, 12, 22, 58].map(arrivals_in_second);
    assert!(third <= full * 6 / 10, "{third} a second of {full}");
    // A slice lasts 20 s. The next sender continues at the pace of its predecessor.
    assert!(twenty_second < full, "{twenty_second} a second of {full}");
    assert!(twelfth > third, "the pace does not grow back little by little");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_send_loses_no_message() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "first", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    let before = world.simulator.arrivals().len();
    // For a while the account does not list the address that the requests come from.
    for _ in 0..20 {
        world.simulator.fail_next(Fault { status: 400, code: 3003, reset_s: None });
    }
    let id = post_one(&world, "k", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let notification = world.notification(&id).await;
    assert_eq!(notification.status, Status::Delivered);
    assert_eq!(notification.attempt, 1);
    // The first refusal opened the circuit. All probes until the last one were without a message.
    assert_eq!(arrivals_us(&world, &id).len(), 2);
    let requests: Vec<_> = world.simulator.arrivals().split_off(before);
    assert_eq!(requests.len(), 22);
    let pauses_s: Vec<i64> =
        requests.windows(2).take(20).map(|two| (two[1].at_us - two[0].at_us) / 1_000_000).collect();
    assert!(pauses_s.iter().max().is_some_and(|longest_s| *longest_s >= 300), "{pauses_s:?}");
    assert!(pauses_s.is_sorted_by(|one, next| *one <= next + 90), "{pauses_s:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_does_not_accumulate_requests() {
    let mut settings = WorldSettings::default();
    // The lane becomes slow, and its sender would read the queue a hundred thousand times.
    settings.sender.read_heads_every = Duration::from_secs(1);
    settings.sender.read_channel_every = Duration::from_secs(2);
    let world = World::new(settings).await;
    post_many(&world, "batch", 200, TEMPLATE, DELIVERED).await;
    world.simulator.fail_from_now(Kind::Message, Some(Outage::Hangs));
    world.start_senders();
    // Every request hangs until its timeout of 3 s. Half a second without any answer stops the lane.
    let mut most = 0;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let all = world.notifications();
        most = most.max(all.values().filter(|n| n.status == Status::Sending).count());
    }
    assert!((15..=25).contains(&most), "{most} requests were in flight");
    world.simulator.fail_from_now(Kind::Message, None);
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let all = world.notifications();
    let delivered = all.values().filter(|n| n.status == Status::Delivered).count();
    assert!(delivered >= 170, "{delivered} of 200 are delivered");
    let is_expected = |status| matches!(status, Status::Delivered | Status::Unknown);
    assert!(all.values().all(|n| is_expected(n.status)));
}

/// In the half second without an answer, the pace alone would allow 20 requests.
#[tokio::test(start_paused = true)]
async fn a_sender_never_exceeds_its_limit_of_requests_in_flight() {
    let mut settings = WorldSettings::default();
    settings.sender.in_flight_max = 12;
    let world = World::new(settings).await;
    post_many(&world, "batch", 60, TEMPLATE, ANSWER_LOST).await;
    world.start_senders();
    let mut most = 0;
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let all = world.notifications();
        most = most.max(all.values().filter(|n| n.status == Status::Sending).count());
    }
    assert_eq!(most, 12);
}

fn tokens_fetched(world: &World) -> usize {
    world.simulator.arrivals().iter().filter(|arrival| arrival.kind == Kind::Token).count()
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_fetched_again_once() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "first", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    world.simulator.forget_tokens();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let id = post_one(&world, "k", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    assert_eq!(world.notification(&id).await.status, Status::Delivered);
    assert_eq!(tokens_fetched(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn one_token_serves_every_sender_for_hours() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    for hour in 0..6 {
        post_one(&world, &format!("k{hour}"), DELIVERED).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    assert_eq!(tokens_fetched(&world), 1);
}
