//! An operator asks why a message has not left. Each rule that can hold a message is shown in a world
//! in which the message really waits for it, and the message leaves at the time that was named.

mod any_state;
mod channels;
mod codes;
mod lanes;
mod messages;
mod steps;
mod views;

use std::collections::HashMap;
use std::time::Duration;

use alimi::domain::Status;
use alimi::domain::agenda::ready_sort;
use alimi::ports::Clock;
use alimi_local::testing::world::{World, WorldSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::phone_numbers::DELIVERED;

const LIMIT: usize = 40;
const CHANNEL: &str = "/v1/channels/alimtalk-main";
const TEMPLATE: &str = "photo-and-video";
/// The priority of a message that has hours.
const SCHEDULED: u16 = 600;

/// A world in which everything runs.
async fn running_world() -> World {
    let world = World::new(WorldSettings::default()).await;
    start(&world);
    world
}

fn start(world: &World) {
    world.start_senders();
    world.start_sweeps();
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Lets time pass until a time, in Unix milliseconds.
async fn until(world: &World, at_ms: i64) {
    let wait_ms = u64::try_from(at_ms - world.clock.now_ms()).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
}

/// A message with further fields.
fn message(fields: &Value) -> Value {
    let mut message = json!({
        "template": TEMPLATE, "to": { "id": "t", "phone": DELIVERED },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    for (name, value) in fields.as_object().expect("an object") {
        message[name] = value.clone();
    }
    message
}

/// Posts a message with further fields, and returns its id.
async fn post(world: &World, key: &str, fields: Value) -> String {
    let (status, answer) =
        world.produce("POST", "/v1/notifications", Some(key), message(&fields)).await;
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

/// Posts many messages of a priority. Returns their ids in the order in which they leave.
async fn post_many(world: &World, key: &str, count: usize, priority: u16) -> Vec<String> {
    let one = message(&json!({ "priority": priority }));
    let mut ids = Vec::new();
    for (part, page) in vec![one; count].chunks(500).enumerate() {
        let (key, body) = (format!("{key}-{part}"), Value::Array(page.to_vec()));
        let (status, answer) = world.produce("POST", "/v1/notifications", Some(&key), body).await;
        assert_eq!(status, 202, "{answer}");
        let items = answer["items"].as_array().expect("items").iter();
        ids.extend(items.map(|item| item["id"].as_str().expect("an id").to_owned()));
    }
    in_order(world, ids)
}

/// The ids in the order in which their messages leave.
fn in_order(world: &World, mut ids: Vec<String>) -> Vec<String> {
    let places: HashMap<String, String> = world
        .notifications()
        .values()
        .map(|found| (found.id.as_str().to_owned(), ready_sort(found)))
        .collect();
    ids.sort_by_key(|id| places[id].clone());
    ids
}

/// Why a message waits.
async fn why(world: &World, id: &str) -> Value {
    let path = format!("/v1/ops/notifications/{id}/why");
    let answer = world.operate("GET", &path, &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["id"], id);
    answer.body
}

/// The kinds of everything that holds a message.
fn kinds(why: &Value) -> Vec<&str> {
    let holds = why["holds"].as_array().expect("holds").iter();
    holds.map(|hold| hold["kind"].as_str().expect("a kind")).collect()
}

/// The hold of a kind, which is also the one that the message waits for.
fn decisive<'a>(why: &'a Value, kind: &str) -> &'a Value {
    assert_eq!(why["waiting_for"]["kind"], kind, "{why:#}");
    let holds = why["holds"].as_array().expect("holds");
    let hold = holds.iter().find(|hold| hold["kind"] == kind);
    let hold = hold.unwrap_or_else(|| panic!("{kind} is not in {why:#}"));
    assert_eq!(why["waiting_for"], *hold);
    hold
}

fn detail(hold: &Value) -> &str {
    hold["detail"].as_str().expect("a sentence")
}

/// A time in an answer, in Unix milliseconds.
fn ms(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    text.parse::<Timestamp>().expect("a time").as_millisecond()
}

/// When a message left; `None` when it has not.
async fn left_ms(world: &World, id: &str) -> Option<i64> {
    let attempts = world.notification(id).await.attempts;
    attempts.iter().find_map(|attempt| attempt.request_sent_at_ms)
}

/// Waits until a time at which a message may leave, and a little longer. Checks that the message left
/// then, and not before.
async fn leaves_from(world: &World, id: &str, at_ms: i64, late_max_ms: i64) {
    assert_eq!(left_ms(world, id).await, None, "it has left already");
    until(world, at_ms + late_max_ms + 5_000).await;
    let left_ms = left_ms(world, id).await.expect("it has left");
    let late_ms = left_ms - at_ms;
    assert!((0..=late_max_ms).contains(&late_ms), "it left {late_ms} ms after the time");
    assert_eq!(world.notification(id).await.status, Status::Delivered);
}
