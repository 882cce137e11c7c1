//! An operator's requests to the console, and the world that they are made in.

use alimi_local::testing::world::{Answer, World, WorldSettings};
use serde_json::{Value, json};

/// The document must not exist yet.
pub const CREATE: (&str, &str) = ("if-none-match", "*");

pub async fn world() -> World {
    World::new(WorldSettings::default()).await
}

/// A world with the audience `teachers`, and the schedule `daily` that writes to these teachers at
/// 11:00 in Seoul.
pub async fn scheduled_world() -> World {
    let world = world().await;
    create(&world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    create(&world, "/v1/schedules/daily", daily()).await;
    world
}

/// The schedule `daily`.
pub fn daily() -> Value {
    json!({
        "expression": "cron(0 11 * * ? *)",
        "template": "photo-and-video",
        "audience": "teachers",
    })
}

/// A template that sends a text message over a channel.
pub fn text_template(channel: &str) -> Value {
    let content = json!({ "type": "sms", "body": "b" });
    json!({
        "category": "informational", "variants": [{ "channel": channel, "content": content }],
    })
}

/// A channel that sends only text messages, because it has no Kakao sender profile.
pub fn text_channel() -> Value {
    json!({
        "provider": { "kind": "bizppurio", "account": "example", "from": "0212345678" },
        "limit": { "per_second": 40 },
    })
}

/// The document with members replaced or, for null, removed.
pub fn with(mut body: Value, changes: &Value) -> Value {
    if let (Value::Object(body), Value::Object(changes)) = (&mut body, changes) {
        body.extend(changes.clone());
        body.retain(|_, value| !value.is_null());
    }
    body
}

pub async fn get(world: &World, path: &str) -> Answer {
    world.operate("GET", path, &[], "").await
}

pub async fn create(world: &World, path: &str, body: Value) -> Answer {
    let answer = world.operate("PUT", path, &[CREATE], body).await;
    assert_eq!(answer.status, 201, "{path}: {}", answer.body);
    answer
}

/// Replaces the revision that is stored now.
pub async fn change(world: &World, path: &str, body: &Value) -> Answer {
    let etag = get(world, path).await.etag.expect("an ETag");
    world.operate("PUT", path, &[("if-match", &etag)], body).await
}

/// Deletes the revision that is stored now.
pub async fn delete(world: &World, path: &str) -> Answer {
    let etag = get(world, path).await.etag.expect("an ETag");
    world.operate("DELETE", path, &[("if-match", &etag)], "").await
}

/// The status of an answer, and the field that its problem names.
pub fn status_and_field(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.body["field"].as_str().unwrap_or_default())
}

/// The text of a problem.
pub fn detail(answer: &Answer) -> &str {
    answer.body["detail"].as_str().unwrap_or_default()
}
