//! API keys: what they permit, how they replace each other, and when they end.

use std::time::Duration;

use alimi_local::aws::embedded::DatabaseFault;
use serde_json::{Value, json};

use super::fixture::{Doors, doors, notification, post, sequence, text};

/// After this time, a deleted key is refused: API Gateway keeps the authorizer's answer for a minute,
/// and the authorizer keeps a producer's keys for ten seconds.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(70);
const AN_HOUR: Duration = Duration::from_secs(3600);

async fn with_shop() -> Doors {
    let doors = doors().await;
    doors.store_shop(json!({})).await;
    doors
}

#[tokio::test(start_paused = true)]
async fn the_holder_of_a_key_is_its_producer() {
    let doors = doors().await;
    doors.store_shop(json!({ "templates": ["photo-and-video"] })).await;
    let made = doors.make_key(Value::Null).await;
    let key = text(&made, "key");
    let posted = doors.post_with_key(key, "order-1").await;
    assert_eq!(posted.status, 202, "{}", posted.body);
    let id = text(&posted.body, "id");
    assert_eq!(doors.world.notification(id).await.owner, "shop");
    let path = format!("/v1/notifications/{id}");
    assert_eq!(doors.with_key(key, "GET", &path, None, &Value::Null).await.status, 200);

    // A role and a key of one producer share its idempotency keys and its messages.
    let same = post(&doors.shop(), "/v1/notifications", "order-1", &notification()).await;
    assert_eq!((same.status, text(&same.body, "id")), (200, id), "{}", same.body);
    let refused = doors.with_key(key, "POST", "/v1/sequences", Some("s"), &sequence()).await;
    assert_eq!(refused.status, 422, "the grants hold for keys too: {}", refused.body);
    assert_eq!(refused.body["field"], "steps[0].template", "{}", refused.body);

    // Another producer's message does not exist for the key.
    let (_, other) =
        doors.world.produce("POST", "/v1/notifications", Some("order-1"), notification()).await;
    for (method, end) in [("GET", ""), ("POST", "/cancel")] {
        let path = format!("/v1/notifications/{}{end}", text(&other, "id"));
        let hidden = doors.with_key(key, method, &path, None, &Value::Null).await;
        assert_eq!((hidden.status, &hidden.body["field"]), (404, &json!("id")), "{}", hidden.body);
    }
}

/// API Gateway uses the authorizer's answer for every route, so each route looks at the scopes.
#[tokio::test(start_paused = true)]
async fn a_key_permits_what_its_scopes_say_whatever_was_asked_before() {
    let doors = with_shop().await;
    let reading = doors.make_key(json!({ "scopes": ["notifications:read"] })).await;
    let writing = doors.make_key(json!({ "scopes": ["notifications:write"] })).await;
    let (reading, writing) = (text(&reading, "key"), text(&writing, "key"));
    let posted = doors.post_with_key(writing, "k").await;
    assert_eq!(posted.status, 202, "{}", posted.body);
    let path = format!("/v1/notifications/{}", text(&posted.body, "id"));
    let read = doors.with_key(reading, "GET", &path, None, &Value::Null).await;
    assert_eq!(read.status, 200, "{}", read.body);
    for (key, method, path, needed) in [
        (writing, "GET", path.clone(), "notifications:read"),
        (reading, "POST", format!("{path}/cancel"), "notifications:write"),
        (reading, "POST", "/v1/notifications".to_owned(), "notifications:write"),
    ] {
        let refused = doors.with_key(key, method, &path, Some("other"), &notification()).await;
        assert_eq!(refused.status, 403, "{method} {path}: {}", refused.body);
        assert_eq!(refused.body["type"], "/docs/errors.md#insufficient-scope");
        assert!(text(&refused.body, "detail").contains(needed), "{}", refused.body);
    }
    assert_eq!(doors.world.notifications().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_key_replaces_another_without_a_refused_request() {
    let doors = with_shop().await;
    let old = doors.make_key(Value::Null).await;
    assert_eq!(doors.post_with_key(text(&old, "key"), "0").await.status, 202);
    let new = doors.make_key(Value::Null).await;
    assert_ne!(old["key"], new["key"]);
    // The new key works at once, although the producer's keys were read a moment ago.
    for (key, number) in [(&new, "1"), (&old, "2")] {
        assert_eq!(doors.post_with_key(text(key, "key"), number).await.status, 202, "{number}");
    }
    assert_eq!(doors.delete_key(text(&old, "id")).await, 204);
    assert_eq!(doors.delete_key(text(&old, "id")).await, 404);
    tokio::time::sleep(FORGOTTEN_WITHIN).await;
    let refused = doors.post_with_key(text(&old, "key"), "3").await;
    assert_eq!((refused.status, &refused.body), (403, &json!({ "message": "Forbidden" })));
    assert_eq!(doors.post_with_key(text(&new, "key"), "4").await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn a_key_expires() {
    let doors = with_shop().await;
    // The world begins at 10:00 in Seoul.
    let made = doors.make_key(json!({ "expires_at": "2026-03-02T11:00:00+09:00" })).await;
    let key = text(&made, "key");
    assert_eq!(doors.post_with_key(key, "1").await.status, 202);
    tokio::time::sleep(AN_HOUR + FORGOTTEN_WITHIN).await;
    assert_eq!(doors.post_with_key(key, "2").await.status, 403);
    let listed = doors.listed_keys().await;
    assert_eq!(listed[0]["has_expired"], true, "{listed:?}");
    assert_eq!(listed[0]["expires_at"], "2026-03-02T02:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_a_deleted_producer_are_refused() {
    let doors = with_shop().await;
    let made = doors.make_key(Value::Null).await;
    let key = text(&made, "key");
    assert_eq!(doors.post_with_key(key, "1").await.status, 202);
    let path = "/v1/producers/shop";
    let etag = doors.world.operate("GET", path, &[], "").await.etag.expect("an ETag");
    let deleted = doors.world.operate("DELETE", path, &[("if-match", &etag)], "").await;
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    tokio::time::sleep(FORGOTTEN_WITHIN).await;
    assert_eq!(doors.post_with_key(key, "2").await.status, 403);
    // A producer of the same name has keys of its own.
    doors.store_shop(json!({})).await;
    tokio::time::sleep(FORGOTTEN_WITHIN).await;
    assert_eq!(doors.post_with_key(key, "3").await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn operators_see_when_a_key_was_last_used_to_the_hour() {
    let doors = with_shop().await;
    let made = doors.make_key(Value::Null).await;
    let last_use = async || doors.listed_keys().await[0]["last_used_at"].clone();
    assert_eq!(last_use().await, Value::Null);
    assert_eq!(doors.post_with_key(text(&made, "key"), "1").await.status, 202);
    let first = last_use().await;
    assert!(first.as_str().is_some_and(|at| at.starts_with("2026-03-02T01:00:0")), "{first}");
    tokio::time::sleep(AN_HOUR / 2).await;
    assert_eq!(doors.post_with_key(text(&made, "key"), "2").await.status, 202);
    assert_eq!(last_use().await, first, "one record an hour");
    tokio::time::sleep(AN_HOUR / 2).await;
    assert_eq!(doors.post_with_key(text(&made, "key"), "3").await.status, 202);
    let second = last_use().await;
    assert!(second.as_str().is_some_and(|at| at.starts_with("2026-03-02T02:00:0")), "{second}");
}

#[tokio::test(start_paused = true)]
async fn a_request_succeeds_although_the_use_of_its_key_cannot_be_recorded() {
    for fault in [DatabaseFault::Failed, DatabaseFault::NoAnswer] {
        let doors = with_shop().await;
        let made = doors.make_key(Value::Null).await;
        // The authorizer reads the producer, and then records the use.
        doors.world.faults.pass(1);
        // The client repeats a failed request, and waits for one without an answer.
        let times = if fault == DatabaseFault::Failed { 5 } else { 1 };
        (0..times).for_each(|_| doors.world.faults.add(fault));
        let posted = doors.post_with_key(text(&made, "key"), "1").await;
        assert_eq!(posted.status, 202, "{fault:?}: {}", posted.body);
        doors.world.faults.clear();
        assert_eq!(doors.listed_keys().await[0]["last_used_at"], Value::Null, "{fault:?}");
        // It tries again a minute later.
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(doors.post_with_key(text(&made, "key"), "2").await.status, 202);
        assert_ne!(doors.listed_keys().await[0]["last_used_at"], Value::Null, "{fault:?}");
    }
}
