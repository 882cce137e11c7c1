//! The figures behind the alarms and the costs. Each notification that needs a person is counted
//! once, the age of a lane is recorded even when nothing leaves it, and the writes of a message are
//! as few as they should be.

use std::time::Duration;

use alimi::domain::{Outcome, Status};
use alimi::ports::{NoResponse, WakeGroup};
use alimi_local::simulator::Fault;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::database_usage::DatabaseUsage;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::{Value, json};

use crate::phone_numbers::{ANSWER_LOST, DELIVERED, NO_RECEIPT};

async fn world() -> World {
    World::new(WorldSettings::default()).await
}

async fn post(world: &World, key: &str, phone: &str) {
    let body = json!({
        "template": "photo-and-video", "to": { "id": key, "phone": phone },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
}

/// How many notifications are in a status.
fn stored(world: &World, status: Status) -> u64 {
    world.notifications().values().filter(|n| n.status == status).count() as u64
}

/// How many notifications became unknown, as the senders and the sweeper counted them.
#[derive(Debug, PartialEq)]
struct Unknown {
    by_senders: u64,
    by_sweeper: u64,
}

fn unknown(world: &World) -> Unknown {
    Unknown {
        by_senders: world.meter.drains().iter().map(|drained| drained.metrics.unknown).sum(),
        by_sweeper: world.meter.sweeps().iter().map(|swept| swept.metrics.unknown).sum(),
    }
}

/// How many notifications became unconfirmed, as the sweeper counted them.
fn unconfirmed(world: &World) -> u64 {
    world.meter.sweeps().iter().map(|swept| swept.metrics.unconfirmed).sum()
}

#[tokio::test(start_paused = true)]
async fn a_message_without_an_answer_is_counted_by_its_sender() {
    let world = world().await;
    world.start_senders();
    post(&world, "one", DELIVERED).await;
    post(&world, "two", ANSWER_LOST).await;
    world.settle(SETTLES_WITHIN).await;
    // The receipt came later, so that both are delivered.
    assert_eq!(stored(&world, Status::Delivered), 2);
    assert_eq!(unknown(&world), Unknown { by_senders: 1, by_sweeper: 0 });
    assert_eq!(unconfirmed(&world), 0);
}

/// Wherever the sender crashes, either its successor or the sweeper finds the claim and counts it.
#[tokio::test(start_paused = true)]
async fn a_claim_of_a_crashed_sender_is_counted_once() {
    let mut found = 0;
    for steps in (0..120).step_by(6) {
        let world = world().await;
        for n in 0..5 {
            post(&world, &format!("n{n}"), NO_RECEIPT).await;
        }
        world.start_crashable_senders(&CrashPoint::after(steps));
        world.settle(SETTLES_WITHIN).await;
        let Unknown { by_senders, by_sweeper } = unknown(&world);
        let counted = by_senders + by_sweeper;
        assert_eq!(counted, stored(&world, Status::Unknown), "after {steps} steps");
        let unconfirmed = unconfirmed(&world);
        assert_eq!(unconfirmed, stored(&world, Status::Unconfirmed), "after {steps} steps");
        found += counted;
    }
    assert!(found > 0, "no sender crashed with a claim");
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_receipt_is_counted_by_the_sweeper() {
    let world = world().await;
    world.start_senders();
    post(&world, "one", DELIVERED).await;
    post(&world, "two", NO_RECEIPT).await;
    world.settle(SETTLES_WITHIN).await;
    assert_eq!(stored(&world, Status::Unconfirmed), 1);
    assert_eq!(unknown(&world), Unknown { by_senders: 0, by_sweeper: 0 });
    assert_eq!(unconfirmed(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_lane_that_nobody_drains_is_recorded() {
    let world = world().await;
    // An empty lane has no age.
    alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    assert_eq!(world.meter.sweeps(), []);
    post(&world, "one", DELIVERED).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
    let tens_of_seconds: Vec<_> = world
        .meter
        .sweeps()
        .iter()
        .map(|swept| swept.metrics.queue_age_ms.expect("an age") / 10_000)
        .collect();
    assert_eq!(tens_of_seconds, [6, 12, 18]);
}

/// A scheduled message waits for the morning. Its age counts from the opening of its window.
#[tokio::test(start_paused = true)]
async fn waiting_for_a_closed_window_does_not_count_as_delay() {
    let world = world().await;
    // It is 00:30 in Seoul, and the window opens at 10:00.
    tokio::time::sleep(Duration::from_secs(14 * 3600 + 1800)).await;
    let body = json!({
        "template": "photo-and-video", "to": { "id": "one", "phone": DELIVERED },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" }, "priority": 600,
    });
    let (status, _) = world.produce("POST", "/v1/notifications", Some("one"), body).await;
    assert_eq!(status, 202);
    for _ in 0..(9 * 60 + 29) {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
    assert_eq!(world.meter.sweeps(), []);
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
    let sweeps = world.meter.sweeps();
    let age_ms = sweeps.last().expect("its window is open").metrics.queue_age_ms.expect("an age");
    assert!((0..=120_000).contains(&age_ms), "{age_ms} ms, which should count from the opening");
}

/// Operators of a new stack first meet wrong credentials, or an address that the account does not
/// list. Both show in the request for a token, before any message leaves.
#[tokio::test(start_paused = true)]
async fn a_failed_token_request_is_counted_like_a_message() {
    let world = world().await;
    world.http.fail_next(NoResponse::NotSent("refused".into()));
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(1) });
    world.simulator.fail_next(Fault { status: 400, code: 3003, reset_s: None });
    post(&world, "one", DELIVERED).await;
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    // The sender stays for a while before it records its figures.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let drains = world.meter.drains();
    let count = |outcome| -> u64 {
        drains.iter().filter_map(|drained| drained.metrics.outcomes.get(&outcome)).sum()
    };
    for outcome in
        [Outcome::Unreachable, Outcome::Throttled, Outcome::ChannelDown, Outcome::Accepted]
    {
        assert_eq!(count(outcome), 1, "{outcome:?}");
    }
    assert_eq!(stored(&world, Status::Delivered), 1);
}

/// The provider revokes the token while a lane is busy. Messages that are claimed by then are put
/// back, and count as no request.
#[tokio::test(start_paused = true)]
async fn a_message_held_back_without_a_token_counts_as_no_request() {
    // Slots of the pace come while the lane reads whether there is another token.
    let database_latency = Duration::from_millis(20);
    let world = World::new(WorldSettings { database_latency, ..WorldSettings::default() }).await;
    world.start_senders();
    post(&world, "first", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let one = json!({
        "template": "photo-and-video", "to": { "id": "t", "phone": DELIVERED },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let many = Value::Array(vec![one; 200]);
    let (status, _) = world.produce("POST", "/v1/notifications", Some("b"), many).await;
    assert_eq!(status, 202);
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.simulator.forget_tokens();
    world.settle(SETTLES_WITHIN).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(stored(&world, Status::Delivered), 201);
    let arrivals = world.simulator.arrivals();
    let messages: Vec<_> = arrivals.iter().filter(|a| a.reference.is_some()).collect();
    let refused = messages.iter().filter(|arrival| !arrival.was_accepted()).count() as u64;
    assert!((1..10).contains(&refused), "{refused}");
    let drains = world.meter.drains();
    let down = drains.iter().filter_map(|d| d.metrics.outcomes.get(&Outcome::ChannelDown));
    assert_eq!(down.sum::<u64>(), refused);
    let requests: u64 = drains.iter().map(|drained| drained.metrics.ended_requests()).sum();
    assert_eq!(requests, messages.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn every_drain_records_the_limit_that_it_keeps() {
    let world = world().await;
    world.start_senders();
    post(&world, "one", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    // The sender stays for a while before it records its figures.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let drains = world.meter.drains();
    assert!(!drains.is_empty());
    assert!(drains.iter().all(|drained| drained.metrics.limit_per_second == 40), "{drains:#?}");
}

/// The units of all single writes while this many copies of a message are stored, sent and
/// delivered. The lane's lease and the access token are written as well, once.
async fn write_units(message: &Value, count: usize) -> f64 {
    let database_usage = DatabaseUsage::default();
    let settings =
        WorldSettings { database_usage: database_usage.clone(), ..WorldSettings::default() };
    let world = World::new(settings).await;
    // A Korean letter takes three bytes.
    let long = json!({ "type": "alimtalk", "code": "LONG_01", "body": "가".repeat(680) });
    let long = json!({
        "category": "informational",
        "variants": [{ "channel": "alimtalk-main", "content": long }],
    });
    let made = world.operate("PUT", "/v1/templates/long", &[("if-none-match", "*")], long).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let units = || database_usage.by_operation().get("PutItem").map_or(0.0, |put| put.write_units);

    let before = units();
    for n in 0..count {
        let key = format!("k{n}");
        let (status, answer) =
            world.produce("POST", "/v1/notifications", Some(&key), message).await;
        assert_eq!(status, 202, "{answer}");
    }
    world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await.expect("drained");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stored(&world, Status::Delivered), count as u64);
    units() - before
}

/// Three units store a message: one for the row, one for the agenda, one for the recipient's
/// history. Three claim it, because the agenda's entry moves. One records the answer, and two the
/// receipt. Texts are not stored, so the row stays below 1 KB however long they are.
#[tokio::test(start_paused = true)]
async fn a_delivered_message_takes_9_write_units_and_10_in_a_group_however_long_its_text_is() {
    let plain = json!({
        "template": "photo-and-video", "to": { "id": "teacher-1", "phone": DELIVERED },
        "variables": { "name": "김하나", "code": "a1" },
    });
    let (mut tagged, mut long) = (plain.clone(), plain.clone());
    tagged["tag"] = json!("spring-2026");
    long["template"] = json!("long");
    for (message, expected) in [(plain, 9.0), (tagged, 10.0), (long, 9.0)] {
        // The writes that do not depend on the number of messages cancel out.
        let of_ten = write_units(&message, 11).await - write_units(&message, 1).await;
        assert!((of_ten - 10.0 * expected).abs() < 0.01, "{message}: {of_ten} units for ten");
    }
}
