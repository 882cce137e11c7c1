//! What producers and operators ask for before, during and after an accident.

use std::time::Duration;

use alimi::domain::{Notification, Status};
use alimi::ports::{Clock, WakeGroup};
use alimi_local::testing::world::{Answer, World, WorldSettings};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::phone_numbers::DELIVERED;
use crate::provider_receipts::{ALIMTALK_DELIVERED, receipt, webhook_path};

pub const A_MINUTE: Duration = Duration::from_secs(60);
pub const REVIEW: &str = "/v1/ops/restored";
const LANE: &str = "alimtalk-main";

/// A world whose catalog is older than the clocks may differ.
pub async fn world() -> World {
    world_with(WorldSettings::default()).await
}

pub async fn world_with(settings: WorldSettings) -> World {
    let world = World::new(settings).await;
    tokio::time::sleep(5 * A_MINUTE).await;
    world
}

pub fn message(phone: &str) -> Value {
    json!({
        "template": "photo-and-video", "to": { "id": "teacher-1", "phone": phone },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    })
}

/// A scheduled message to somebody in New York, where it is evening.
pub fn to_new_york() -> Value {
    let mut message = message(DELIVERED);
    message["priority"] = json!(600);
    message["to"]["timezone"] = json!("America/New_York");
    message
}

pub fn step(template: &str) -> Value {
    json!({ "template": template, "variables": message(DELIVERED)["variables"] })
}

/// A time from now, as a request has it.
pub fn in_minutes(world: &World, minutes: i64) -> String {
    let now = Timestamp::from_millisecond(world.clock.now_ms()).expect("a time");
    (now + SignedDuration::from_mins(minutes)).to_string()
}

/// Posts a message, and returns its id.
pub async fn post(world: &World, key: &str, body: &Value) -> String {
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
    text(&answer["id"])
}

/// Posts so many equal messages, and returns their ids.
pub async fn post_many(world: &World, key: &str, count: usize) -> Vec<String> {
    let body = Value::from(vec![message(DELIVERED); count]);
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
    answer["items"].as_array().expect("items").iter().map(|item| text(&item["id"])).collect()
}

/// Posts a sequence, and returns the ids of its steps' gates.
pub async fn post_sequence(world: &World, key: &str, body: &Value) -> Vec<String> {
    let (status, answer) = world.produce("POST", "/v1/sequences", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
    answer["steps"].as_array().expect("steps").iter().map(|step| text(&step["gate"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Sends what is queued. No sender is at work afterwards.
pub async fn drain(world: &World) {
    world.stack.sender.drain(LANE, WakeGroup::Zero, None).await.expect("drained");
    tokio::time::sleep(Duration::from_secs(5)).await;
}

/// Lets time pass, with rounds of the sweeper.
pub async fn pass(world: &World, minutes: i64) {
    let until_ms = world.clock.now_ms() + minutes * 60_000;
    while world.clock.now_ms() < until_ms {
        tokio::time::sleep(A_MINUTE).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
}

pub async fn pause(world: &World) {
    let path = format!("/v1/channels/{LANE}/pause");
    assert_eq!(world.operate("POST", &path, &[], "").await.status, 200);
}

pub async fn resume(world: &World) {
    let path = format!("/v1/channels/{LANE}/resume");
    assert_eq!(world.operate("POST", &path, &[], "").await.status, 200);
}

/// Pauses the channel, and waits until no sender is at work.
pub async fn stop(world: &World) {
    pause(world).await;
    tokio::time::sleep(2 * A_MINUTE).await;
}

/// Asks for a review from the beginning of the table.
pub async fn review(world: &World, restored_to: &str) -> Answer {
    let body = json!({ "restored_to": restored_to, "reason": "a script had deleted rows" });
    world.operate("POST", REVIEW, &[], body).await
}

/// A review that ends within one request; returns how many notifications it examined and moved.
pub async fn reviewed(world: &World, restored_to: &str) -> (u64, u64) {
    let answer = review(world, restored_to).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body.get("cursor"), None, "{}", answer.body);
    let number = |name: &str| answer.body[name].as_u64().expect("a number");
    assert_eq!(number("unreadable"), 0, "{}", answer.body);
    (number("examined"), number("moved"))
}

pub async fn statuses(world: &World, ids: &[String]) -> Vec<Status> {
    let mut statuses = Vec::new();
    for id in ids {
        statuses.push(world.notification(id).await.status);
    }
    statuses
}

/// How many requests for a message reached the provider.
pub fn arrivals(world: &World, id: &str) -> usize {
    let arrivals = world.simulator.arrivals();
    let references = arrivals.iter().filter_map(|arrival| arrival.reference.as_ref());
    references.filter(|reference| reference.id.as_str() == id).count()
}

/// The provider repeats the receipt of the first attempt: delivered.
pub async fn repeat_receipt(world: &World, id: &str) {
    let first_attempt = Notification { attempt: 1, ..world.notification(id).await };
    let body = receipt(&first_attempt, ALIMTALK_DELIVERED);
    assert_eq!(world.webhook(&webhook_path(), body).await.0, 200);
}
