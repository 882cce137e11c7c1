//! Requests for many notifications, each of which is stored or refused by itself.

use alimi_local::aws::embedded::DatabaseFault;
use serde_json::{Value, json};

use super::requests::{valid, with, world};

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
