//! What users live through, told against the whole stack.
#![expect(clippy::expect_used, reason = "helpers fail the test that called them")]

use std::time::Duration;

use alimi::domain::{Outcome, Status};
use alimi::ports::{NoResponse, WakeGroup};
use alimi_local::simulator::{Fault, Kind};
use alimi_local::world::{World, WorldSettings};
use serde_json::{Value, json};

const LIMIT: usize = 40;
const A_WHILE: Duration = Duration::from_secs(3 * 3600);

fn teacher(phone: &str) -> Value {
    json!({ "id": "teacher-1", "phone": phone })
}

fn variables() -> Value {
    json!({ "name": "김하나", "date": "3월 2일", "code": "a1" })
}

fn two_steps(phone: &str) -> Value {
    json!({
        "to": teacher(phone),
        "steps": [
            { "template": "consultation-start", "variables": variables() },
            { "template": "photo-and-video", "variables": variables() },
        ],
    })
}

/// Posts the two-step sequence and answers with the ids of its steps.
async fn post_sequence(world: &World, key: &str, phone: &str) -> (String, String) {
    let (status, answer) =
        world.produce("POST", "/v1/sequences", Some(key), two_steps(phone)).await;
    assert_eq!(status, 202, "{answer}");
    let id = |step: usize| answer["steps"][step]["id"].as_str().expect("an id").to_owned();
    (id(0), id(1))
}

async fn post_one(world: &World, key: &str, phone: &str) -> String {
    let body = json!({
        "template": "photo-and-video", "to": teacher(phone), "variables": variables(),
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

/// A backlog: as many notifications in one request, behind whatever is real-time.
async fn post_many(world: &World, key: &str, count: usize, template: &str, phone: &str) {
    let body: Vec<Value> = (0..count)
        .map(|n| {
            json!({
                "template": template, "priority": 600, "variables": variables(),
                "to": { "id": format!("{key}-{n}"), "phone": phone },
            })
        })
        .collect();
    let (status, _) =
        world.produce("POST", "/v1/notifications", Some(key), Value::Array(body)).await;
    assert_eq!(status, 202);
}

const TEMPLATE: &str = "photo-and-video";
const DELIVERED: &str = "010-1234-5678";

/// How the two steps of a sequence end for a number, and how often the provider was asked.
async fn end_of(phone: &str) -> (Status, Status, usize) {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let (first, second) = post_sequence(&world, "k", phone).await;
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let asked = world.simulator.arrivals().iter().filter(|a| a.reference.is_some()).count();
    (world.notification(&first).await.status, world.notification(&second).await.status, asked)
}

#[tokio::test(start_paused = true)]
async fn step_two_leaves_only_after_the_push_said_that_step_one_was_delivered() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let (first, second) = post_sequence(&world, "k", "010-1234-5678").await;

    assert_eq!(world.notification(&first).await.status, Status::Queued);
    assert_eq!(world.notification(&second).await.status, Status::Blocked);

    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    assert_eq!(world.notification(&first).await.status, Status::Delivered);
    assert_eq!(world.notification(&second).await.status, Status::Delivered);

    let pushed = world.simulator.pushed();
    let arrived = world.simulator.arrivals();
    let arrival = |id: &str| {
        let of = |a: &&alimi_local::simulator::Arrival| {
            a.reference.as_ref().is_some_and(|r| r.id.as_str() == id)
        };
        arrived.iter().find(of).expect("it arrived").at_us
    };
    assert!(arrival(&first) < pushed[0].at_us);
    assert!(arrival(&second) > pushed[0].at_us);
}

#[tokio::test(start_paused = true)]
async fn when_step_one_is_undelivered_step_two_is_never_sent() {
    assert_eq!(end_of("010-9002-0000").await, (Status::Failed, Status::Cancelled, 1));
}

#[tokio::test(start_paused = true)]
async fn when_step_one_is_refused_at_once_step_two_is_never_sent() {
    assert_eq!(end_of("010-9001-0000").await, (Status::Failed, Status::Cancelled, 1));
}

#[tokio::test(start_paused = true)]
async fn receipts_may_be_late_doubled_or_early() {
    for phone in ["010-9003-0000", "010-9004-0000", "010-9005-0000"] {
        assert_eq!(end_of(phone).await, (Status::Delivered, Status::Delivered, 2), "{phone}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivered_fallback_counts_and_a_message_without_one_fails_at_the_first_push() {
    // The first template has a fallback, the second has none.
    assert_eq!(end_of("010-9006-0000").await, (Status::Delivered, Status::Failed, 2));
}

#[tokio::test(start_paused = true)]
async fn without_a_receipt_the_step_is_unconfirmed_and_the_next_one_waits() {
    assert_eq!(end_of("010-9007-0000").await, (Status::Unconfirmed, Status::Blocked, 1));
    assert_eq!(end_of("010-9009-0000").await, (Status::Unconfirmed, Status::Blocked, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_it_unknown_and_the_late_receipt_settles_it() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let id = post_one(&world, "k", "010-9008-0000").await;
    // The answer is given up after 3 s; the receipt comes a little later.
    tokio::time::sleep(Duration::from_millis(3300)).await;
    assert_eq!(world.notification(&id).await.status, Status::Unknown);
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let notification = world.notification(&id).await;
    assert_eq!(notification.status, Status::Delivered);
    assert_eq!(notification.attempt, 1);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_counts_only_over_its_own_channel() {
    let settings = WorldSettings::default();
    let (channels, templates) = settings.catalog.split_once("templates:").expect("two parts");
    let (head, main) = channels.split_once("  alimtalk-main:").expect("a channel");
    let catalog =
        format!("{head}  alimtalk-main:{main}  alimtalk-other:{main}\ntemplates:{templates}");
    let world = World::new(WorldSettings { catalog, ..settings }).await;
    world.start_senders();
    let id = post_one(&world, "k", "010-9007-0000").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let sent = world.notification(&id).await;
    assert_eq!(sent.status, Status::Accepted);
    let push = json!({
        "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01090070000", "MEDIA": "KAT",
        "UNIXTIME": "1", "RESULT": "7000", "REFKEY": sent.reference().to_string(),
    });
    let path = "/webhooks/alimtalk-other/local-webhook-secret";
    assert_eq!(world.webhook(path, push).await.0, 200);
    assert_eq!(world.notification(&id).await.status, Status::Accepted);
}

#[tokio::test(start_paused = true)]
async fn a_late_receipt_goes_on_with_a_sequence_that_was_given_up_waiting() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let (first, second) = post_sequence(&world, "k", "010-9007-0000").await;
    world.settle(A_WHILE).await;
    let waiting = world.notification(&first).await;
    assert_eq!(waiting.status, Status::Unconfirmed);

    let push = json!({
        "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01090070000", "MEDIA": "KAT",
        "UNIXTIME": "1", "RESULT": "7000", "REFKEY": waiting.reference().to_string(),
    });
    let path = "/webhooks/alimtalk-main/local-webhook-secret";
    assert_eq!(world.webhook(path, push).await.0, 200);
    assert_eq!(world.notification(&first).await.status, Status::Delivered);
    assert_eq!(world.notification(&second).await.status, Status::Queued);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_not_reached_is_tried_again_twice_three_seconds_apart() {
    let world = World::new(WorldSettings::default()).await;
    let id = post_one(&world, "k", "010-1234-5678").await;
    // The first request is for the token.
    world.simulator.fail_next(Fault { status: 200, code: 9999, reset_s: None });
    world.start_senders();
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.settle(A_WHILE).await;
    assert_eq!(world.notification(&id).await.status, Status::Delivered);

    let id = post_one(&world, "k2", "010-1234-5678").await;
    for _ in 0..3 {
        world.http.fail_next(NoResponse::NotSent("refused".into()));
    }
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let notification = world.notification(&id).await;
    assert_eq!(notification.status, Status::Failed);
    let outcomes: Vec<_> = notification.attempts.iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Unreachable); 3]);
    let sent: Vec<_> = notification.attempts.iter().filter_map(|a| a.request_sent_at_ms).collect();
    for pause in sent.windows(2) {
        let pause_ms = pause[1] - pause[0];
        assert!((3000..3400).contains(&pause_ms), "{pause_ms} ms apart");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_message_goes_back_to_its_place_uncounted() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "first", "010-1234-5678").await;
    world.settle(A_WHILE).await;

    let id = post_one(&world, "k", "010-1234-5678").await;
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(7) });
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let notification = world.notification(&id).await;
    assert_eq!(notification.status, Status::Delivered);
    assert_eq!((notification.attempt, notification.failures, notification.claim), (1, 0, 2));
    let times: Vec<_> = world
        .simulator
        .arrivals()
        .iter()
        .filter(|a| a.reference.as_ref().is_some_and(|r| r.id.as_str() == id))
        .map(|a| a.at_us)
        .collect();
    assert!(times[1] - times[0] >= 7_000_000, "the pause that the provider asked for is kept");
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_for_its_pace_a_lane_goes_slower_for_a_while_and_across_slices() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "first", "010-1234-5678").await;
    world.settle(A_WHILE).await;
    let before = world.simulator.arrivals().len();
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(1) });
    for index in 0..(60 * LIMIT) {
        post_one(&world, &format!("k{index}"), "010-1234-5678").await;
    }
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let arrivals = world.simulator.arrivals();
    let times: Vec<_> = arrivals[before..].iter().map(|a| a.at_us).collect();
    let start_us = times[0];
    let second = |from: i64| {
        let second = start_us + from * 1_000_000..start_us + (from + 1) * 1_000_000;
        times.iter().filter(|at| second.contains(at)).count()
    };
    let full = second(58);
    assert!(second(3) <= full * 6 / 10, "{} a second of {full}", second(3));
    // A slice lasts 20 seconds: its successor goes on as slowly as it stopped.
    assert!(second(22) < full, "{} a second of {full}", second(22));
    assert!(second(12) > second(3), "it comes back little by little");
}

#[tokio::test(start_paused = true)]
async fn each_drain_tells_what_it_did() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "k1", "010-1234-5678").await;
    post_one(&world, "k2", "010-9001-0000").await;
    world.settle(A_WHILE).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let drains = world.ledger.drains();
    let mut outcomes = std::collections::BTreeMap::new();
    for drained in &drains {
        assert_eq!(drained.channel, "alimtalk-main");
        for (outcome, count) in &drained.figures.outcomes {
            *outcomes.entry(*outcome).or_insert(0) += count;
        }
    }
    assert_eq!(
        outcomes.into_iter().collect::<Vec<_>>(),
        [(Outcome::Accepted, 1), (Outcome::Rejected, 1)]
    );
    let figures = &drains[0].figures;
    assert!(figures.in_flight_max >= 1);
    assert_eq!(figures.answers.count(), figures.departures());
    assert_eq!(figures.waits_real_time.count(), figures.departures());
    assert_eq!(figures.waits_scheduled.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_send_loses_no_message() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "first", "010-1234-5678").await;
    world.settle(A_WHILE).await;
    // Our address is not on the account's list for a while.
    for _ in 0..20 {
        world.simulator.fail_next(Fault { status: 400, code: 3003, reset_s: None });
    }
    let id = post_one(&world, "k", "010-1234-5678").await;
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let notification = world.notification(&id).await;
    assert_eq!((notification.status, notification.attempt), (Status::Delivered, 1));
    // The lane is held meanwhile: it does not ask again and again.
    let asked: Vec<_> = world
        .simulator
        .arrivals()
        .iter()
        .filter(|a| a.reference.as_ref().is_some_and(|r| r.id.as_str() == id))
        .map(|a| a.at_us)
        .collect();
    assert_eq!(asked.len(), 21);
    assert!(asked.windows(2).all(|two| two[1] - two[0] >= 30_000_000), "{asked:?}");
}

fn tokens_fetched(world: &World) -> usize {
    world.simulator.arrivals().iter().filter(|arrival| arrival.kind == Kind::Token).count()
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_taken_back_is_fetched_anew_once() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_one(&world, "first", "010-1234-5678").await;
    world.settle(A_WHILE).await;
    world.simulator.forget_tokens();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let id = post_one(&world, "k", "010-1234-5678").await;
    world.settle(A_WHILE).await;
    assert_eq!(world.notification(&id).await.status, Status::Delivered);
    assert_eq!(tokens_fetched(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn one_token_serves_every_sender_for_hours() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    for hour in 0..6 {
        post_one(&world, &format!("k{hour}"), "010-1234-5678").await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    assert_eq!(tokens_fetched(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn real_time_messages_overtake_a_backlog() {
    let world = World::new(WorldSettings::default()).await;
    post_many(&world, "batch", 200, TEMPLATE, DELIVERED).await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked_at_us = {
        use alimi::ports::Clock;
        world.clock.now_us()
    };
    let id = post_one(&world, "now", "010-1234-5678").await;
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let arrived_at_us = world
        .simulator
        .arrivals()
        .iter()
        .find(|a| a.reference.as_ref().is_some_and(|r| r.id.as_str() == id))
        .expect("it arrived")
        .at_us;
    let waited_ms = (arrived_at_us - asked_at_us) / 1000;
    assert!(waited_ms <= 2 * 27 + 150, "a real-time message waited {waited_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn a_busy_lane_keeps_the_limit_across_hand_overs_and_uses_it() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    for part in 0..5 {
        post_many(&world, &format!("batch-{part}"), 500, TEMPLATE, DELIVERED).await;
    }
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let arrivals = world.simulator.arrivals();
    assert!(arrivals.iter().all(|arrival| arrival.code == 1000), "nothing was refused");
    // 2,500 messages at 40 / 1.05 a second: three slices, with two hand-overs between.
    let (first, last) = (arrivals[0].at_us, arrivals[arrivals.len() - 1].at_us);
    let rate = 2500.0 / ((last - first) as f64 / 1e6);
    assert!(rate > 0.95 * 40.0 / 1.05, "{rate} a second");
}

#[tokio::test(start_paused = true)]
async fn a_fast_lane_uses_its_limit() {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("per_second: 40", "per_second: 200");
    settings.simulator.per_second = 200;
    // Claims take five slots.
    settings.database_latency = Duration::from_millis(6);
    let world = World::new(settings).await;
    for part in 0..4 {
        post_many(&world, &format!("batch-{part}"), 500, TEMPLATE, DELIVERED).await;
    }
    world.start_senders();
    world.settle(A_WHILE).await;
    world.check_invariants(200);
    let arrivals = world.simulator.arrivals();
    let (first, last) = (arrivals[2].at_us, arrivals[arrivals.len() - 1].at_us);
    let rate = 2000.0 / ((last - first) as f64 / 1e6);
    assert!(rate > 0.95 * 200.0 / 1.05, "{rate} a second");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_does_not_make_requests_pile_up() {
    let world = World::new(WorldSettings::default()).await;
    post_many(&world, "batch", 300, TEMPLATE, "01090080000").await;
    world.start_senders();
    // Every request hangs until its time-out of 3 s: 3 × 40 may be under way, and no more.
    let mut most = 0;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let all = world.notifications();
        most = most.max(all.values().filter(|n| n.status == Status::Sending).count());
    }
    assert!((60..=125).contains(&most), "{most} requests were under way");
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    assert!(world.notifications().values().all(|n| n.status == Status::Delivered));
}

/// The pace alone would let 114 be under way until the first times out.
#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_a_sender_may_have() {
    let mut settings = WorldSettings::default();
    settings.drain.in_flight_max = 20;
    let world = World::new(settings).await;
    post_many(&world, "batch", 60, TEMPLATE, "01090080000").await;
    world.start_senders();
    let mut most = 0;
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let all = world.notifications();
        most = most.max(all.values().filter(|n| n.status == Status::Sending).count());
    }
    assert_eq!(most, 20);
}

#[tokio::test(start_paused = true)]
async fn a_changed_limit_takes_hold_within_a_second() {
    use alimi::ports::Catalog;
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
async fn a_strict_channel_keeps_the_limit_without_trusting_the_way() {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("jitter: 50ms", "jitter: 0s\n      strict: true");
    settings.simulator.latency = Duration::from_millis(300);
    settings.simulator.latency_jitter = Duration::from_millis(250);
    let world = World::new(settings).await;
    // More than one slice, so that one sender hands over to another.
    for part in 0..2 {
        post_many(&world, &format!("batch-{part}"), 400, TEMPLATE, DELIVERED).await;
    }
    world.start_senders();
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let arrivals = world.simulator.arrivals();
    let (first, last) = (arrivals[2].at_us, arrivals[arrivals.len() - 1].at_us);
    let rate = 800.0 / ((last - first) as f64 / 1e6);
    assert!((20.0..40.0).contains(&rate), "{rate} a second");
}

/// Two channels of one provider simulator would share its limit; so the second one only has to
/// have its own lane, and leave while the first one is busy for minutes.
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
    post_many(&world, "busy", 500, "consultation-start", "01090070000").await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let quick = post_one(&world, "quick", "010-9007-0000").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = world.notification(&quick).await;
    assert_eq!(sent.status, Status::Accepted, "it waited behind another channel");
    assert!(world.unsettled().len() > 300);
}

#[tokio::test(start_paused = true)]
async fn a_paused_channel_stops_within_a_second_and_loses_nothing() {
    use alimi::ports::Catalog;
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
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    assert!(world.notifications().values().all(|n| n.status == Status::Delivered));
}

#[tokio::test(start_paused = true)]
async fn not_before_and_expires_at_are_honoured_at_departure() {
    use alimi_local::world::BEGINNING_MS;
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let at =
        |ms: i64| jiff::Timestamp::from_millisecond(BEGINNING_MS + ms).expect("a time").to_string();
    let post = |key: &'static str, field: &'static str, ms: i64| {
        let body = json!({
            "template": "photo-and-video", "to": teacher("010-1234-5678"),
            "variables": variables(), field: at(ms),
        });
        world.produce("POST", "/v1/notifications", Some(key), body)
    };
    let (_, later) = post("later", "not_before", 3_600_000).await;
    let (_, gone) = post("gone", "expires_at", 1).await;
    assert_eq!(later["status"], "deferred");
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    let gone = world.notification(gone["id"].as_str().expect("an id")).await;
    assert_eq!((gone.status, gone.attempt), (Status::Expired, 0));
    let later = world.notification(later["id"].as_str().expect("an id")).await;
    assert_eq!(later.status, Status::Delivered);
    let sent_at_ms = later.attempts[0].request_sent_at_ms.expect("sent") - BEGINNING_MS;
    // The sweeper wakes the lane ahead of time, and the sender lingers for what is due.
    assert!((3_600_000..3_600_400).contains(&sent_at_ms), "sent after {sent_at_ms} ms");
}

/// Nobody sweeps: whoever takes it in wakes the lane, and the sender stays for it.
#[tokio::test(start_paused = true)]
async fn what_is_due_in_a_few_seconds_leaves_on_time_and_in_its_order() {
    use alimi_local::world::BEGINNING_MS;
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
    // More than are queued in one go, and behind them one that goes before them all.
    let many = Value::Array(vec![body(600, 12_000); 450]);
    let (status, _) = world.produce("POST", "/v1/notifications", Some("many"), many).await;
    assert_eq!(status, 202);
    let (_, first) = world.produce("POST", "/v1/notifications", Some("f"), body(0, 12_001)).await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let arrivals = world.simulator.arrivals();
    let place = arrivals
        .iter()
        .filter(|a| a.reference.is_some())
        .position(|a| a.reference.as_ref().is_some_and(|r| first["id"] == r.id.as_str()))
        .expect("it arrived");
    let after_ms = arrivals
        .iter()
        .find(|a| a.reference.is_some())
        .map(|a| a.at_us / 1000 - BEGINNING_MS - 12_000)
        .expect("some arrived");
    assert!((0..400).contains(&after_ms), "the first left {after_ms} ms late");
    assert!(place < 40, "{place} left before it");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_step_takes_the_later_ones_with_it_and_one_that_left_stays() {
    let world = World::new(WorldSettings::default()).await;
    let (first, second) = post_sequence(&world, "k", "010-1234-5678").await;
    let path = format!("/v1/notifications/{first}/cancel");
    assert_eq!(world.produce("POST", &path, None, "").await.0, 200);
    assert_eq!(world.produce("POST", &path, None, "").await.0, 200, "twice is once");
    assert_eq!(world.notification(&second).await.status, Status::Cancelled);

    world.start_senders();
    let sent = post_one(&world, "sent", "010-1234-5678").await;
    world.settle(A_WHILE).await;
    let (status, problem) =
        world.produce("POST", &format!("/v1/notifications/{sent}/cancel"), None, "").await;
    assert_eq!((status.as_u16(), problem["field"].as_str()), (409, Some("id")));
    let messages = world.simulator.arrivals().iter().filter(|a| a.reference.is_some()).count();
    assert_eq!(messages, 1);
}

/// Whoever waits for the lane has read the channel before it was paused.
#[tokio::test(start_paused = true)]
async fn a_pause_holds_for_a_sender_that_waits_for_the_lane_too() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    post_many(&world, "many", 400, TEMPLATE, DELIVERED).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let waiting = {
        let drain = world.stack.drain.clone();
        tokio::spawn(async move { drain.drain("alimtalk-main", WakeGroup::One, None).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let paused = world.operate("POST", "/v1/channels/alimtalk-main/pause", &[], "").await;
    assert_eq!(paused.status, 200, "{:?}", paused.body);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = world.simulator.arrivals().len();
    assert!(sent < 200, "{sent} left: nothing is kept back");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(waiting.await.expect("no panic").is_ok());
    assert_eq!(world.simulator.arrivals().len(), sent, "it went on");
}

/// As often as a developer runs the sample event.
#[tokio::test(start_paused = true)]
async fn a_wake_that_is_older_than_any_in_the_queue_is_a_wake() {
    let world = World::new(WorldSettings::default()).await;
    let drain = &world.stack.drain;
    let long_ago_ms = Some(1_000);
    for key in ["one", "two"] {
        let id = post_one(&world, key, DELIVERED).await;
        let drained = drain.drain("alimtalk-main", WakeGroup::Zero, long_ago_ms).await;
        assert!(!drained.expect("drained").held_elsewhere);
        assert_ne!(world.notification(&id).await.status, Status::Queued);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}
