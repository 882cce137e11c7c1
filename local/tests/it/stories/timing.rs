//! A message leaves when it is due, and not while its channel is paused.

use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::{Catalog, Clock as _, WakeGroup};
use alimi_local::testing::world::{BEGINNING_MS, SETTLES_WITHIN, World, WorldSettings};
use serde_json::{Value, json};

use super::producer::{LIMIT, TEMPLATE, post_many, post_one, teacher, variables};
use crate::phone_numbers::DELIVERED;

#[tokio::test(start_paused = true)]
async fn a_paused_channel_stops_within_a_second_and_loses_nothing() {
    let world = World::new(WorldSettings::default()).await;
    post_many(&world, "batch", 200, TEMPLATE, DELIVERED).await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut channel =
        world.store.channel("alimtalk-main").await.expect("the store").expect("the channel");
    channel.paused = true;
    world.store.put_channel(&channel).await.expect("stored");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let stopped_at = world.simulator.arrivals().len();
    assert!(stopped_at < 200);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(world.simulator.arrivals().len(), stopped_at);

    channel.paused = false;
    world.store.put_channel(&channel).await.expect("stored");
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert!(world.notifications().values().all(|n| n.status == Status::Delivered));
}

/// The waiting sender has read the channel before the pause.
#[tokio::test(start_paused = true)]
async fn a_pause_also_stops_a_sender_that_is_waiting_for_the_lane() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_many(&world, "many", 400, TEMPLATE, DELIVERED).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let waiting = {
        let sender = world.stack.sender.clone();
        tokio::spawn(async move { sender.drain("alimtalk-main", WakeGroup::One, None).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let paused = world.operate("POST", "/v1/channels/alimtalk-main/pause", &[], "").await;
    assert_eq!(paused.status, 200, "{:?}", paused.body);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = world.simulator.arrivals().len();
    assert!(sent < 200, "{sent} messages left: none is held back by the pause");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(waiting.await.expect("no panic").is_ok());
    assert_eq!(world.simulator.arrivals().len(), sent, "the lane continued");
}

#[tokio::test(start_paused = true)]
async fn not_before_and_expires_at_are_honoured_at_departure() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let at =
        |ms: i64| jiff::Timestamp::from_millisecond(BEGINNING_MS + ms).expect("a time").to_string();
    let post = |key: &'static str, field: &'static str, ms: i64| {
        let body = json!({
            "template": "photo-and-video", "to": teacher(DELIVERED),
            "variables": variables(), field: at(ms),
        });
        world.produce("POST", "/v1/notifications", Some(key), body)
    };
    let (_, later) = post("later", "not_before", 3_600_000).await;
    // It is accepted in time, and is late before a sender has claimed it.
    let soon_ms = world.clock.now_ms() - BEGINNING_MS + 15;
    let (_, expired) = post("expired", "expires_at", soon_ms).await;
    assert_eq!(later["status"], "deferred");
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let expired = world.notification(expired["id"].as_str().expect("an id")).await;
    assert_eq!(expired.status, Status::Expired);
    assert_eq!(expired.attempt, 0);
    let later = world.notification(later["id"].as_str().expect("an id")).await;
    assert_eq!(later.status, Status::Delivered);
    let sent_at_ms = later.attempts[0].request_sent_at_ms.expect("sent") - BEGINNING_MS;
    // The sweeper wakes the lane ahead of time, and the sender waits for the message to be due.
    assert!((3_600_000..3_600_400).contains(&sent_at_ms), "sent after {sent_at_ms} ms");
}

/// The sweeper does not run. Enqueue wakes the lane, and the sender waits until messages are due.
#[tokio::test(start_paused = true)]
async fn messages_that_are_due_in_a_few_seconds_leave_on_time_and_in_order() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let at =
        |ms: i64| jiff::Timestamp::from_millisecond(BEGINNING_MS + ms).expect("a time").to_string();
    let body = |priority: u16, due_ms: i64| {
        json!({
            "template": TEMPLATE, "to": teacher(DELIVERED), "variables": variables(),
            "priority": priority, "not_before": at(due_ms),
        })
    };
    // More messages than one page of the queue holds, and after them one with a higher priority.
    let many = Value::Array(vec![body(600, 12_000); 450]);
    let (status, _) = world.produce("POST", "/v1/notifications", Some("many"), many).await;
    assert_eq!(status, 202);
    let (_, first) = world.produce("POST", "/v1/notifications", Some("f"), body(0, 12_001)).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let arrivals = world.simulator.arrivals();
    let messages: Vec<_> = arrivals.iter().filter(|a| a.reference.is_some()).collect();
    let place = messages
        .iter()
        .position(|a| a.reference.as_ref().is_some_and(|r| first["id"] == r.id.as_str()))
        .expect("it arrived");
    let after_ms = messages[0].at_us / 1000 - BEGINNING_MS - 12_000;
    assert!((0..400).contains(&after_ms), "the first message left {after_ms} ms late");
    assert!(place < 40, "{place} messages left before the one of high priority");
}

/// A sample event carries the same old time whenever a developer runs it.
#[tokio::test(start_paused = true)]
async fn a_wake_older_than_the_queue_keeps_messages_still_wakes_the_lane() {
    let world = World::new(WorldSettings::default()).await;
    let sender = &world.stack.sender;
    let long_ago_ms = Some(1_000);
    for key in ["one", "two"] {
        let id = post_one(&world, key, DELIVERED).await;
        let drained = sender.drain("alimtalk-main", WakeGroup::Zero, long_ago_ms).await;
        assert!(!drained.expect("drained").did_not_get_lease);
        assert_ne!(world.notification(&id).await.status, Status::Queued);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}
