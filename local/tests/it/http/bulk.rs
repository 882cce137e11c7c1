//! Requests for many notifications, each of which is stored or refused by itself.

use std::time::Duration;

use alimi::ports::{Clock, PutPace, PutWish, Reserved};
use alimi_local::aws::embedded::{DatabaseFault, tables};
use alimi_local::testing::world::World;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;

use super::notifications::world_with_two_channels;
use super::requests::{post, valid, with, world};
use crate::stored_rows::rows;

/// How often the AWS client sends a request that keeps failing.
const TRIES: usize = alimi::aws::TRIES as usize;

#[tokio::test(start_paused = true)]
async fn a_bulk_request_stores_its_valid_items_and_answers_each_invalid_one() {
    let world = world().await;
    let unknown_template = with("/template", json!("nope"));
    let invalid_phone = with("/to/phone", json!("x"));
    let items = json!([valid(), unknown_template, valid(), invalid_phone, 7]);
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
    assert_eq!(status, 202, "{answer}");
    let answers = answer["items"].as_array().expect("items");
    assert_eq!(answers.len(), 5);
    for (index, item) in answers.iter().enumerate() {
        assert_eq!(item["index"], index);
    }
    let fields: Vec<_> = answers.iter().map(|item| item["problem"]["field"].as_str()).collect();
    assert_eq!(fields, [None, Some("template"), None, Some("to.phone"), Some("body")]);
    assert_eq!(world.notifications().len(), 2);
    assert!(answers[0]["id"] != answers[2]["id"], "two equal items are two notifications");

    let (status, replayed) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
    assert_eq!(status, 200);
    assert_eq!(replayed["items"][0]["id"], answers[0]["id"]);
    assert_eq!(replayed["items"][0]["new"], false);

    let (status, problem) =
        world.produce("POST", "/v1/notifications", Some("k"), json!([valid()])).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "Idempotency-Key");
    let (status, problem) = world.produce("POST", "/v1/notifications", Some("k"), valid()).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "Idempotency-Key");
    assert_eq!(world.notifications().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bulk_request_without_a_valid_item_is_refused_as_a_whole() {
    let world = world().await;
    let (status, answer) =
        world.produce("POST", "/v1/notifications", Some("k"), json!([1, 2])).await;
    assert_eq!(status, 422);
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_bulk_request_is_completed_by_repeating_it() {
    let world = world().await;
    let items = Value::Array(vec![valid(); 3]);
    // The database stays overloaded for longer than the client retries.
    for _ in 0..6 {
        world.faults.add(DatabaseFault::Refused);
    }
    let (status, _) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
    assert_eq!(status, 503);
    world.faults.clear();
    let (status, _) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
    assert_eq!(status, 202);
    assert_eq!(world.notifications().len(), 3);
}

/// Reserves the times of the next puts to a channel, as runs and other requests do.
async fn keep_busy(world: &World, seconds: u32) {
    let wish = PutWish {
        count: 500 * seconds,
        spacing_us: 2_000,
        earliest_us: world.clock.now_us(),
        latest_us: None,
    };
    let reserved = world.store.reserve("alimtalk-main", wish).await.expect("an answer");
    assert_eq!(reserved, Reserved::From { at_us: wish.earliest_us });
}

#[tokio::test(start_paused = true)]
async fn a_bulk_request_waits_for_the_puts_of_others() {
    let world = world().await;
    keep_busy(&world, 2).await;
    let began = Instant::now();
    let items = Value::Array(vec![valid(); 100]);
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
    assert_eq!(status, 202, "{answer}");
    let took_ms = began.elapsed().as_millis();
    // Its own puts take another 200 ms.
    assert!((2_150..2_350).contains(&took_ms), "{took_ms} ms");
}

#[tokio::test(start_paused = true)]
async fn a_single_request_does_not_wait_for_the_puts_of_others() {
    let world = world().await;
    keep_busy(&world, 10).await;
    let began = Instant::now();
    post(&world, "/v1/notifications", "k", &valid()).await;
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
}

/// The API would not wait for so long. The request may be repeated under its key.
#[tokio::test(start_paused = true)]
async fn a_bulk_request_that_would_wait_for_too_long_is_told_when_to_come_again() {
    let world = world().await;
    keep_busy(&world, 10).await;
    let items = Value::Array(vec![valid(); 2]).to_string();
    for _ in 0..2 {
        let request = Request::post("/v1/notifications")
            .header("idempotency-key", "k")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(items.clone()))
            .expect("a request");
        let answer = world.stack.enqueue.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), 503);
        // Not longer the second time: nothing was reserved.
        assert_eq!(answer.headers()[header::RETRY_AFTER], "7");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        let problem: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(problem["type"], "urn:alimi:problem:busy", "{problem}");
    }
    assert_eq!(rows(&world, &tables().notifications), "[]");

    tokio::time::sleep(Duration::from_secs(7)).await;
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(world.notifications().len(), 2);

    // Items that are already stored need no slot.
    keep_busy_again(&world).await;
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
    assert_eq!(status, 200, "{answer}");
}

async fn keep_busy_again(world: &World) {
    tokio::time::sleep(Duration::from_secs(60)).await;
    keep_busy(world, 10).await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_channel_does_not_hold_up_the_items_of_another_one() {
    let world = world_with_two_channels().await;
    keep_busy(&world, 10).await;
    let over = |channel: &str| {
        let mut item = with("/template", json!("greeting"));
        item["channel"] = json!(channel);
        item
    };
    let items = json!([over("alimtalk-main"), over("sms-main"), over("alimtalk-main")]);
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
    assert_eq!(status, 202, "{answer}");
    for (index, is_busy) in [(0, true), (1, false), (2, true)] {
        let problem = &answer["items"][index]["problem"];
        assert_eq!(problem["type"] == "urn:alimi:problem:busy", is_busy, "{answer}");
    }
    assert_eq!(world.notifications().len(), 1);
    let (status, _) = world.produce("POST", "/v1/notifications", Some("k"), over("sms-main")).await;
    assert_eq!(status, 422, "the key is taken although the first item is not stored");

    tokio::time::sleep(Duration::from_secs(7)).await;
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
    assert_eq!(status, 202, "{answer}");
    let are_new: Vec<_> = (0..3).map(|index| answer["items"][index]["new"].as_bool()).collect();
    assert_eq!(are_new, [Some(true), Some(false), Some(true)]);
    assert_eq!(world.notifications().len(), 3);
}

/// The database throttles three calls in a row, each of which the client repeats in vain. When this
/// concerns puts or their pace, every item is stored all the same.
#[tokio::test(start_paused = true)]
async fn a_throttled_put_costs_no_item_of_a_bulk_request() {
    const FAULTS: usize = 3 * TRIES;
    let items = Value::Array(vec![valid(); 2]);
    let mut survived = 0;
    for requests in 0.. {
        let world = world().await;
        world.faults.pass(requests);
        (0..FAULTS).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), &items).await;
        let was_throttled = world.faults.left() < FAULTS;
        let stored = world.notifications().len();
        if status == 202 {
            assert_eq!(stored, 2, "after {requests} requests: {answer}");
            survived += usize::from(was_throttled);
        } else {
            assert_eq!(status, 503, "after {requests} requests: {answer}");
            assert_eq!(stored, 0, "after {requests} requests: {answer}");
        }
        if !was_throttled {
            break;
        }
    }
    // Both updates of the pace, and both puts.
    assert!(survived >= 4, "only {survived}");
}
