//! Messages that need an operator, and the operators' requests.

use std::time::Duration;

use alimi::domain::decision::SENDER_LIVES_MAX_MS;
use alimi::domain::{Event, Notification, Reason, Status, transition};
use alimi::ports::{Created, Notifications, WakeGroup};
use alimi_local::testing::world::{Answer, World, WorldSettings, operate};
use axum::Router;
use serde_json::{Value, json};

use crate::phone_numbers::NO_RECEIPT;

pub const CHANNEL: &str = "alimtalk-main";
pub const SENDER_IS_GONE: Duration = Duration::from_millis(SENDER_LIVES_MAX_MS.unsigned_abs());

pub async fn world() -> World {
    World::new(WorldSettings::default()).await
}

/// A step with one notification.
pub fn step(template: &str) -> Value {
    let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
    json!({ "template": template, "variables": variables })
}

/// Posts a message whose receipt is up to the test, and returns its id.
pub async fn post(world: &World, key: &str) -> String {
    let mut body = step("photo-and-video");
    body["to"] = json!({ "id": format!("teacher-{key}"), "phone": NO_RECEIPT });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

/// One sender drains the lane. Returns how many requests left.
pub async fn drain(world: &World) -> usize {
    let drained = world.stack.sender.drain(CHANNEL, WakeGroup::Zero, None).await;
    drained.expect("the drain ends").departures
}

/// Posts a message and sends it. It awaits a receipt.
pub async fn post_and_send(world: &World, key: &str) -> String {
    let id = post(world, key).await;
    assert_eq!(drain(world).await, 1);
    assert_eq!(world.notification(&id).await.status, Status::Accepted);
    id
}

/// A message that left, and whose receipt is overdue.
pub async fn unconfirmed(world: &World, key: &str) -> String {
    use alimi::ports::Clock;
    let id = post_and_send(world, key).await;
    let deadline_ms = world.notification(&id).await.deadline_ms.expect("a deadline");
    let wait_ms = u64::try_from(deadline_ms - world.clock.now_ms()).expect("later");
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    apply(world, &id, &Event::DeadlineChecked { at_ms: world.clock.now_ms() }).await;
    assert_eq!(world.notification(&id).await.status, Status::Unconfirmed);
    id
}

/// A message whose sender crashed after the claim.
pub async fn unknown(world: &World, key: &str) -> String {
    use alimi::ports::Clock;
    let id = post(world, key).await;
    let at_ms = world.clock.now_ms();
    let claimed = Event::Claimed { at_ms, fence: 1, confirm_within_ms: 1_800_000 };
    apply(world, &id, &claimed).await;
    apply(world, &id, &Event::SenderLost { fence: 2, at_ms }).await;
    assert_eq!(world.notification(&id).await.status, Status::Unknown);
    id
}

/// Saves what becomes of a notification by an event.
pub async fn apply(world: &World, id: &str, event: &Event) {
    let before = world.notification(id).await;
    let moved = transition(&before, event).expect("a move");
    let saved = world.store.save(&mut [moved.notification]).await.expect("saved");
    assert_eq!(saved, alimi::ports::Saved::Done);
}

/// Stores this many exceptions of the channel: copies of a message that left. Each has needed a person
/// for one millisecond less than the one before it, and the last one since now.
pub async fn store_exceptions(world: &World, count: usize, status: Status) -> Vec<String> {
    use alimi::domain::RequestKey;
    use alimi::ports::Clock;
    let first = unconfirmed(world, "pattern").await;
    let pattern = world.notification(&first).await;
    let reason = if status == Status::Failed {
        Reason::Undelivered("7308".into())
    } else {
        Reason::NoReceipt
    };
    let now_ms = world.clock.now_ms();
    let (mut ids, mut age_ms) = (vec![], i64::try_from(count).expect("a few"));
    let key = RequestKey { producer: "p", route: "r", idempotency_key: "exceptions" };
    for index in 0..count {
        age_ms -= 1;
        let exception = Notification {
            id: key.notification_id(index),
            status,
            reason: Some(reason.clone()),
            status_since_ms: now_ms - age_ms,
            ..pattern.clone()
        };
        assert_eq!(world.store.create(&exception).await.expect("stored"), Created::New);
        ids.push(exception.id.to_string());
    }
    // The pattern is no exception any more.
    let settled =
        decide(world, &first, "settle", json!({ "as": "delivered", "reason": "r" })).await;
    assert_eq!(settled.status, 200, "{}", settled.body);
    ids
}

/// An operator reads a notification, and then decides about it.
pub async fn decide(world: &World, id: &str, action: &str, body: Value) -> Answer {
    let etag = etag(world, id).await;
    decide_on(world, id, action, &etag, body).await
}

/// The `ETag` of a notification as it is now.
pub async fn etag(world: &World, id: &str) -> String {
    let read = world.operate("GET", &format!("/v1/ops/notifications/{id}"), &[], "").await;
    assert_eq!(read.status, 200, "{}", read.body);
    read.etag.expect("an ETag")
}

/// A decision about the notification as it was read then.
pub async fn decide_on(world: &World, id: &str, action: &str, etag: &str, body: Value) -> Answer {
    let path = format!("/v1/ops/notifications/{id}/{action}");
    world.operate("POST", &path, &[("if-match", etag)], body).await
}

/// The console as another operator calls it.
pub fn console_of_lee(world: &World) -> Router {
    world.stack.console_called_by(|_| Some("lee".to_owned()))
}

/// The same as [`decide_on`], by another operator.
pub async fn lee_decides_on(
    world: &World,
    id: &str,
    action: &str,
    etag: &str,
    body: Value,
) -> Answer {
    let path = format!("/v1/ops/notifications/{id}/{action}");
    operate(console_of_lee(world), "POST", &path, &[("if-match", etag)], body.to_string()).await
}

pub fn resend() -> Value {
    json!({ "reason": "the outage is over" })
}

/// Whoever decides so accepts that the person may get the message twice.
pub fn resend_doubtful() -> Value {
    json!({ "reason": "the outage is over", "may_double": true })
}
