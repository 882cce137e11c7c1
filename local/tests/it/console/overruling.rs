//! Operators read and cancel what belongs to any producer, also what a run made.

use std::time::Duration;

use alimi_local::event_sources;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{World, operate};
use axum::Router;
use serde_json::{Value, json};

use super::operator::{create, daily, get, scheduled_world, status_and_field, with, world};
use crate::phone_numbers::DELIVERED;

fn notification() -> Value {
    json!({
        "template": "photo-and-video", "to": { "id": "teacher-1", "phone": DELIVERED },
        "variables": { "name": "n", "code": "c" },
    })
}

fn sequence() -> Value {
    let step = |template: &str| json!({ "template": template, "variables": { "name": "n", "date": "d", "code": "c" } });
    json!({
        "to": { "id": "teacher-1", "phone": DELIVERED },
        "steps": [step("consultation-start"), step("photo-and-video")],
    })
}

/// The body of a request that overrules a producer.
fn because() -> Value {
    json!({ "reason": "the customer has asked for no further messages" })
}

async fn post(world: &World, path: &str, body: Value) -> String {
    let (status, answer) = world.produce("POST", path, Some("k"), body).await;
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_operator_cancels_a_notification_once_and_not_when_it_has_left() {
    let world = world().await;
    let id = post(&world, "/v1/notifications", notification()).await;
    let path = format!("/v1/ops/notifications/{id}");
    for _ in 0..2 {
        let cancelled = world.operate("POST", &format!("{path}/cancel"), &[], because()).await;
        assert_eq!(cancelled.status, 200, "{}", cancelled.body);
        assert_eq!(cancelled.body["status"], "cancelled");
        assert_eq!(cancelled.body["owner"], "local");
        assert_eq!(cancelled.body["reason"]["name"], "requested");
    }
    let mut other = notification();
    other["to"]["id"] = json!("teacher-2");
    let (_, left) = world.produce("POST", "/v1/notifications", Some("2"), other).await;
    world.start_senders();
    world.settle(Duration::from_secs(3600)).await;
    let path = format!("/v1/ops/notifications/{}/cancel", left["id"].as_str().expect("an id"));
    let refused = world.operate("POST", &path, &[], because()).await;
    assert_eq!(status_and_field(&refused), (409, "id"), "{}", refused.body);
    for path in ["/v1/ops/notifications/00/cancel", "/v1/ops/notifications/no%20id/cancel"] {
        let absent = world.operate("POST", path, &[], because()).await;
        assert_eq!(status_and_field(&absent), (404, "id"), "{}", absent.body);
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_reads_and_cancels_a_sequence() {
    let world = world().await;
    let id = post(&world, "/v1/sequences", sequence()).await;
    let path = format!("/v1/ops/sequences/{id}");
    let read = get(&world, &path).await;
    assert_eq!((read.status, &read.body["owner"]), (200, &json!("local")), "{}", read.body);
    // Its producer sees the same, but for the owner.
    let (_, own) = world.produce("GET", &format!("/v1/sequences/{id}"), None, "").await;
    assert_eq!(with(read.body, &json!({ "owner": null })), own);
    for _ in 0..2 {
        let cancelled = world.operate("POST", &format!("{path}/cancel"), &[], because()).await;
        assert_eq!(cancelled.status, 200, "{}", cancelled.body);
        for step in 0..2 {
            let status = &cancelled.body["steps"][step]["notifications"][0]["status"];
            assert_eq!(status, "cancelled", "{}", cancelled.body);
        }
    }
    let absent = get(&world, "/v1/ops/sequences/00").await;
    assert_eq!(status_and_field(&absent), (404, "id"), "{}", absent.body);
    let absent = world.operate("POST", "/v1/ops/sequences/00/cancel", &[], because()).await;
    assert_eq!(status_and_field(&absent), (404, "id"), "{}", absent.body);
}

#[tokio::test(start_paused = true)]
async fn an_operator_says_why_and_otherwise_nothing_is_cancelled() {
    let world = world().await;
    let notification = post(&world, "/v1/notifications", notification()).await;
    let sequence = post(&world, "/v1/sequences", sequence()).await;
    for path in [format!("notifications/{notification}"), format!("sequences/{sequence}")] {
        let cancel = format!("/v1/ops/{path}/cancel");
        for (body, refusal) in [
            (Value::String(String::new()), (422, "body")),
            (json!({}), (422, "reason")),
            (json!({ "reason": " " }), (422, "reason")),
            (json!({ "reason": "x".repeat(501) }), (422, "reason")),
            (json!({ "reason": 1 }), (422, "reason")),
            (json!({ "reason": "r", "force": true }), (422, "force")),
        ] {
            let refused = world.operate("POST", &cancel, &[], &body).await;
            assert_eq!(status_and_field(&refused), refusal, "{cancel} {body}: {}", refused.body);
        }
        let refused = world.operate("POST", &cancel, &[], "").await;
        assert_eq!(status_and_field(&refused), (400, "body"), "{cancel}: {}", refused.body);
    }
    let stored = world.notifications();
    assert_eq!(stored.len(), 3);
    assert!(stored.values().all(|stored| !stored.status.is_terminal()));
}

/// The ids of a run can be computed, so they must open nothing.
#[tokio::test(start_paused = true)]
async fn the_notifications_of_a_run_belong_to_the_producer_of_its_schedule() {
    for producer in [Some("shop"), None] {
        let world = scheduled_world().await;
        create(&world, "/v1/producers/shop", json!({ "principals": ["shop-backend"] })).await;
        let csv = format!("id,phone,name,code\nt1,{DELIVERED},n,c\n");
        let path = "/v1/audiences/teachers/members";
        let uploaded = world.operate("POST", path, &[("content-type", "text/csv")], csv).await;
        assert_eq!(uploaded.status, 200, "{}", uploaded.body);
        let schedule = with(daily(), &json!({ "producer": producer }));
        let etag = get(&world, "/v1/schedules/daily").await.etag.expect("an ETag");
        let expected = [("if-match", etag.as_str())];
        let changed = world.operate("PUT", "/v1/schedules/daily", &expected, schedule).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        // No sender runs, so that everything can be cancelled.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let firing = json!({ "schedule": "daily", "scheduled_time": "2026-03-02T02:00:00Z" });
        let trigger = &world.stack.trigger;
        let fired = event_sources::invoke_trigger(trigger, &CrashPoint::never(), firing).await;
        assert!(fired.is_some());
        let stored = world.notifications();
        let run = stored.values().next().expect("the run's notification");
        assert_eq!(run.owner, producer.unwrap_or("schedules"));

        let path = format!("/v1/notifications/{}", run.id);
        let shop = world.stack.enqueue_called_by(|_| Some("shop-backend".to_owned()));
        let other = world.stack.enqueue_called_by(|_| Some("other-service".to_owned()));
        let send = async |enqueue: &Router, method: &str, path: &str| {
            operate(enqueue.clone(), method, path, &[], String::new()).await.status
        };
        for (method, path) in [("GET", path.clone()), ("POST", format!("{path}/cancel"))] {
            assert_eq!(send(&other, method, &path).await, 404, "{method} {producer:?}");
            let expected = if producer.is_some() { 200 } else { 404 };
            assert_eq!(send(&shop, method, &path).await, expected, "{method} {producer:?}");
        }
        let ops = format!("/v1/ops/notifications/{}/cancel", run.id);
        let cancelled = world.operate("POST", &ops, &[], because()).await;
        assert_eq!(cancelled.status, 200, "{}", cancelled.body);
    }
}
