//! The window classes of a lane: hundreds of them cost no slots, and unused ones are retired.

use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::WindowClasses;
use alimi_local::testing::database_usage::DatabaseUsage;
use alimi_local::testing::world::{World, WorldSettings};
use jiff::civil::time;
use serde_json::{Value, json};

use super::lane::{SCHEDULED, delivered, left_at, now, post, set_hours, slow, to, wait_until};
use crate::phone_numbers::NO_RECEIPT;
use crate::provider_receipts::{ALIMTALK_DELIVERED, receive};

const CHANNEL: &str = "alimtalk-main";
const A_DAY: Duration = Duration::from_secs(24 * 3600);
const AN_HOUR: Duration = Duration::from_secs(3600);

/// The names of so many time zones.
fn zones(count: usize) -> Vec<String> {
    let names = jiff::tz::db().available().map(|name| name.as_str().to_owned());
    let of_places = names.filter(|name| name.contains('/') && !name.starts_with("Etc/"));
    let zones: Vec<String> = of_places.take(count).collect();
    assert_eq!(zones.len(), count);
    zones
}

async fn classes(world: &World) -> Vec<String> {
    let classes = world.store.classes(CHANNEL).await.expect("an answer");
    classes.iter().map(ToString::to_string).collect()
}

fn queries(usage: &DatabaseUsage) -> u64 {
    usage.by_operation().get("Query").map_or(0, |queries| queries.requests)
}

/// When each message arrived at the provider, in microseconds.
fn arrivals_us(world: &World) -> Vec<i64> {
    let arrivals = world.simulator.arrivals();
    let messages = arrivals.iter().filter(|arrival| arrival.reference.is_some());
    messages.map(|arrival| arrival.at_us).collect()
}

/// All 300 classes are open. Two hundred of them hold messages, and one hundred are empty.
#[tokio::test(start_paused = true)]
async fn a_lane_with_messages_in_hundreds_of_zones_uses_its_limit_and_reads_within_bounds() {
    const PER_ZONE: usize = 12;
    const MESSAGES: usize = 200 * PER_ZONE;
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("per_second: 40", "per_second: 50");
    settings.simulator.per_second = 50;
    // One slice, so that no hand-over is measured.
    settings.sender.slice = Duration::from_secs(120);
    let usage = settings.database_usage.clone();
    let world = World::new(settings).await;
    set_hours(&world, "00:00", "24:00").await;
    let zones = zones(300);
    let (with_messages, empty) = zones.split_at(200);
    for zone in empty {
        let class = format!("0000-2400@{zone}").parse().expect("a class");
        world.store.add_class(CHANNEL, &class).await.expect("added");
    }
    for zone in with_messages {
        let mut one = json!({
            "template": "consultation-start", "to": to(Some(zone)), "priority": SCHEDULED,
            "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        });
        one["to"]["phone"] = json!(NO_RECEIPT);
        let many = Value::Array(vec![one; PER_ZONE]);
        let (status, answer) = world.produce("POST", "/v1/notifications", Some(zone), many).await;
        assert_eq!(status, 202, "{answer}");
    }
    assert_eq!(classes(&world).await.len(), 300);

    let before = queries(&usage);
    world.start_senders();
    let mut seconds = 0;
    while arrivals_us(&world).len() < MESSAGES {
        tokio::time::sleep(Duration::from_secs(1)).await;
        seconds += 1;
        assert!(seconds < 60, "{} messages in a minute", arrivals_us(&world).len());
    }
    let a_second = (queries(&usage) - before) as f64 / f64::from(seconds);
    assert!(a_second < 250.0, "{a_second} queries a second");
    let times = arrivals_us(&world);
    let span_s = (times[times.len() - 1] - times[0]) as f64 / 1e6;
    let rate = (times.len() - 1) as f64 / span_s;
    // The jitter allowance is 50 ms.
    let utilisation = rate / (50.0 / 1.05);
    assert!(utilisation >= 0.97, "{utilisation} of the limit");
    let refused = world.permissions.refused();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_class_that_no_message_uses_for_a_day_is_retired_and_comes_back_with_the_next() {
    let world = World::new(slow()).await;
    world.start_senders();
    world.start_sweeps();
    wait_until(&world, time(20, 0, 0, 0)).await;
    // It is eleven o'clock in London.
    post(&world, "first", 1, SCHEDULED, Some("Europe/London")).await;
    tokio::time::sleep(A_DAY).await;
    assert_eq!(delivered(&world).len(), 1);
    assert_eq!(classes(&world).await, ["1000-1900@Europe/London"]);
    tokio::time::sleep(2 * AN_HOUR).await;
    assert_eq!(classes(&world).await, [""; 0]);

    post(&world, "second", 1, SCHEDULED, Some("Europe/London")).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(delivered(&world).len(), 2);
    assert_eq!(classes(&world).await, ["1000-1900@Europe/London"]);
}

/// The message was stored days before, and nothing else is in its class.
#[tokio::test(start_paused = true)]
async fn a_class_whose_messages_wait_is_not_retired() {
    let world = World::new(slow()).await;
    world.start_senders();
    world.start_sweeps();
    wait_until(&world, time(12, 0, 0, 0)).await;
    let path = "/v1/channels/alimtalk-main";
    let paused = world.operate("POST", &format!("{path}/pause"), &[], "").await;
    assert_eq!(paused.status, 200, "{:?}", paused.body);
    post(&world, "one", 1, SCHEDULED, None).await;
    tokio::time::sleep(3 * A_DAY).await;
    assert_eq!(classes(&world).await, ["1000-1900@Asia/Seoul"]);
    let resumed = world.operate("POST", &format!("{path}/resume"), &[], "").await;
    assert_eq!(resumed.status, 200, "{:?}", resumed.body);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(delivered(&world).len(), 1);
}

/// A message that waits for its time is not in its class yet. Whoever queues it adds the class again.
#[tokio::test(start_paused = true)]
async fn a_message_whose_class_was_retired_while_it_waited_for_its_time_leaves_when_it_is_due() {
    let world = World::new(slow()).await;
    world.start_senders();
    world.start_sweeps();
    let later = json!({
        "template": "consultation-start", "to": to(None), "priority": SCHEDULED,
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "not_before": "2026-03-05T11:00:00+09:00",
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), later).await;
    assert_eq!(status, 202, "{answer}");
    tokio::time::sleep(2 * A_DAY).await;
    assert_eq!(classes(&world).await, [""; 0]);
    let due = "2026-03-05T11:00:30+09:00".parse::<jiff::Timestamp>().expect("a time");
    let until_due = due.duration_since(now(&world)).unsigned_abs();
    tokio::time::sleep(until_due).await;
    let [only] = &delivered(&world)[..] else { panic!("it has not left") };
    let left = left_at(only, "Asia/Seoul");
    assert!((time(11, 0, 0, 0)..time(11, 0, 5, 0)).contains(&left), "it left at {left}");
    assert_eq!(classes(&world).await, ["1000-1900@Asia/Seoul"]);
}

/// The first step's receipt comes a day late. The webhook, which did not store the second step, queues
/// it.
#[tokio::test(start_paused = true)]
async fn a_step_whose_class_was_retired_while_it_was_blocked_leaves_when_it_is_released() {
    let mut settings = slow();
    // Advertising has hours, and leaves at once inside them.
    settings.catalog =
        settings.catalog.replacen("category: informational", "category: advertising", 1);
    let world = World::new(settings).await;
    world.start_senders();
    world.start_sweeps();
    let step = |template: &str| {
        let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
        json!({ "template": template, "variables": variables })
    };
    let sequence = json!({
        "to": { "id": "t", "phone": NO_RECEIPT },
        "steps": [step("photo-and-video"), step("consultation-start")],
    });
    let (status, answer) = world.produce("POST", "/v1/sequences", Some("k"), sequence).await;
    assert_eq!(status, 202, "{answer}");
    let id = |step: usize| {
        let only = &answer["steps"][step]["notifications"][0];
        only["id"].as_str().expect("an id")
    };
    let (first, second) = (id(0), id(1));
    assert_eq!(classes(&world).await, ["0800-2050@Asia/Seoul"]);
    tokio::time::sleep(A_DAY + 2 * AN_HOUR).await;
    assert_eq!(world.notification(first).await.status, Status::Unconfirmed);
    assert_eq!(classes(&world).await, [""; 0]);
    receive(&world, first, ALIMTALK_DELIVERED).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.notification(second).await.status, Status::Accepted);
}
