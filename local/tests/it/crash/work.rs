//! What producers send while functions crash.

use std::time::Duration;

use alimi::domain::{Notification, Status};
use alimi::ports::WakeGroup;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::{Value, json};

pub const LIMIT: usize = 40;

/// A sender that waits for work reads the queue and the channel again and again. A crash at each read
/// shows nothing new, so the sender reads less often and does not wait for long.
pub fn calm() -> WorldSettings {
    let mut settings = WorldSettings::default();
    settings.sender.idle_timeout = Duration::from_millis(500);
    settings.sender.read_heads_every = Duration::from_millis(400);
    settings.sender.read_channel_every = Duration::from_secs(2);
    settings
}

pub fn variables() -> Value {
    json!({ "name": "김하나", "date": "3월 2일", "code": "a1" })
}

/// A step with one notification.
pub fn step(template: &str) -> Value {
    json!({ "template": template, "variables": variables() })
}

/// A step with two notifications. The first one is the gate.
pub fn pair() -> Value {
    let mut gate = step("consultation-lms");
    gate["gate"] = json!(true);
    json!({ "notifications": [gate, step("photo-and-video")] })
}

/// The same step, which leaves only when the step before it failed.
pub fn fallback(mut step: Value) -> Value {
    step["after"] = json!("failed");
    step
}

/// The statuses of the world's only sequence, in the order of its steps, gates first.
pub fn statuses(world: &World) -> Vec<Status> {
    let mut all: Vec<Notification> = world.notifications().into_values().collect();
    all.sort_by_key(|found| found.sequence_step.as_ref().map(|place| (place.step, !place.is_gate)));
    all.iter().map(|found| found.status).collect()
}

/// The statuses that enqueue answered with.
struct Answered {
    sequence: u16,
    bulk: u16,
}

/// Posts a sequence of two steps, and one notification of each channel type.
async fn ask_for_work(world: &World) -> Answered {
    let to = |n: usize| json!({ "id": format!("t{n}"), "phone": "01012345678" });
    let variables = variables();
    let sequence = json!({
        "to": to(0),
        "steps": [
            { "template": "consultation-start", "variables": variables },
            { "template": "photo-and-video", "variables": variables },
        ],
    });
    let (sequence, _) = world.produce("POST", "/v1/sequences", Some("s"), sequence).await;
    let templates = ["photo-and-video", "consultation-sms", "consultation-lms"];
    let many: Vec<Value> = (1..4)
        .zip(templates)
        .map(|(n, template)| json!({ "template": template, "to": to(n), "variables": variables }))
        .collect();
    let (bulk, _) = world.produce("POST", "/v1/notifications", Some("b"), Value::Array(many)).await;
    Answered { sequence: sequence.as_u16(), bulk: bulk.as_u16() }
}

/// Posts five notifications, all of them new.
pub async fn post_work(world: &World) {
    let Answered { sequence, bulk } = ask_for_work(world).await;
    assert_eq!(sequence, 202);
    assert_eq!(bulk, 202);
}

/// As [`post_work`], when some of the notifications may have been stored before.
pub async fn post_work_again(world: &World) {
    let Answered { sequence, bulk } = ask_for_work(world).await;
    assert!(matches!(sequence, 200 | 202), "{sequence}");
    assert!(matches!(bulk, 200 | 202), "{bulk}");
}

/// Sends one notification, so that the provider's token is stored.
pub async fn send_one(world: &World) {
    let body = json!({
        "template": "photo-and-video", "variables": variables(),
        "to": { "id": "w", "phone": "01012345678" },
    });
    let (status, _) = world.produce("POST", "/v1/notifications", Some("w"), body).await;
    assert_eq!(status, 202);
    let drained = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await;
    assert!(drained.is_ok_and(|report| report.departures == 1));
}

pub async fn post_many(world: &World, count: usize) {
    let many: Vec<Value> = (0..count)
        .map(|n| {
            json!({
                "template": "photo-and-video", "variables": variables(),
                "to": { "id": format!("t{n}"), "phone": "01012345678" },
            })
        })
        .collect();
    let (status, _) =
        world.produce("POST", "/v1/notifications", Some("b"), Value::Array(many)).await;
    assert_eq!(status, 202);
}
