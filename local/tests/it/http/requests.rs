//! A producer's requests, and the world that they are made in.

use alimi_local::testing::world::{Answer, World, WorldSettings, operate};
use axum::Router;
use serde_json::{Value, json};

use crate::phone_numbers::DELIVERED;

pub async fn world() -> World {
    World::new(WorldSettings::default()).await
}

/// A valid notification.
pub fn valid() -> Value {
    json!({
        "template": "photo-and-video",
        "to": { "id": "teacher-1", "phone": DELIVERED },
        "variables": { "name": "김하나", "code": "a1" },
    })
}

/// The valid notification with one member changed or, for null, removed.
pub fn with(pointer: &str, value: Value) -> Value {
    let mut body = valid();
    let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    if value.is_null() {
        parent.remove(member);
    } else {
        parent.insert(member.to_owned(), value);
    }
    body
}

/// A step of a sequence, with the variables of every template of the example.
pub fn step(template: &str) -> Value {
    json!({ "template": template, "variables": { "name": "n", "date": "d", "code": "c" } })
}

/// A sequence of these steps.
pub fn sequence(steps: &[Value]) -> Value {
    json!({ "to": { "id": "t", "phone": DELIVERED }, "steps": steps })
}

/// Stores something new, and returns the answer.
pub async fn post(world: &World, path: &str, key: &str, body: &Value) -> Value {
    let (status, answer) = world.produce("POST", path, Some(key), body).await;
    assert_eq!(status, 202, "{path}: {answer}");
    answer
}

/// Sends a request to the routes of `enqueue` for another caller than the world's own.
pub async fn send(
    enqueue: &Router,
    method: &str,
    path: &str,
    key: Option<&str>,
    body: &Value,
) -> Answer {
    let headers: Vec<_> = key.into_iter().map(|key| ("idempotency-key", key)).collect();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    operate(enqueue.clone(), method, path, &headers, body).await
}

/// Stores a document that does not exist yet.
pub async fn create(world: &World, path: &str, document: Value) {
    let answer = world.operate("PUT", path, &[("if-none-match", "*")], document).await;
    assert_eq!(answer.status, 201, "{path}: {}", answer.body);
}

/// The id of what an answer shows.
pub fn id(answer: &Value) -> &str {
    answer["id"].as_str().expect("an id")
}
