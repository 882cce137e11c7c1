//! Requests that cannot be answered get problems, which reveal nothing internal.

use alimi_local::aws::embedded::DatabaseFault;
use serde_json::Value;

use super::requests::{id, post, valid, world};

#[tokio::test(start_paused = true)]
async fn invalid_json_large_bodies_and_too_many_items_are_refused() {
    let world = world().await;
    let path = "/v1/notifications";
    let (status, problem) = world.produce("POST", path, Some("a"), "{\"template\":").await;
    assert_eq!(status, 400);
    assert_eq!(problem["field"], "body");

    let huge = format!("\"{}\"", "x".repeat(alimi_enqueue::BODY_BYTES_MAX));
    let (status, problem) = world.produce("POST", path, Some("b"), huge).await;
    assert_eq!(status, 413);
    assert_eq!(problem["field"], "body");

    let many = Value::Array(vec![valid(); 501]);
    let (status, problem) = world.produce("POST", path, Some("c"), many).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "body");
    let (status, _) = world.produce("POST", path, Some("d"), "[]").await;
    assert_eq!(status, 422);
    assert!(world.notifications().is_empty());
}

#[tokio::test(start_paused = true)]
async fn unknown_ids_paths_and_methods_are_answered_with_problems() {
    let world = world().await;
    let id = "0".repeat(30);
    for (method, path, status, field) in [
        ("GET", format!("/v1/notifications/{id}"), 404, "id"),
        ("GET", "/v1/notifications/x".to_owned(), 404, "id"),
        ("GET", format!("/v1/sequences/{id}"), 404, "id"),
        ("GET", "/v1/sequences/x".to_owned(), 404, "id"),
        ("POST", format!("/v1/notifications/{id}/cancel"), 404, "id"),
        ("POST", format!("/v1/sequences/{id}/cancel"), 404, "id"),
        ("POST", "/v1/sequences/x/cancel".to_owned(), 404, "id"),
        ("GET", "/v1/notifications/%FF".to_owned(), 404, "id"),
        ("GET", "/v1/nothing".to_owned(), 404, "path"),
        ("DELETE", "/v1/notifications".to_owned(), 405, "method"),
        ("GET", format!("/v1/sequences/{id}/cancel"), 405, "method"),
    ] {
        let (answered, problem) = world.produce(method, &path, None, "").await;
        assert_eq!(answered, status, "{path}");
        assert_eq!(problem["field"].as_str(), Some(field), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_is_read_shows_no_phone_number_and_no_text() {
    let world = world().await;
    let made = post(&world, "/v1/notifications", "k", &valid()).await;
    let path = format!("/v1/notifications/{}", id(&made));
    let (status, read) = world.produce("GET", &path, None, "").await;
    assert_eq!(status, 200);
    assert_eq!(read["recipient"]["phone"], "***********78");
    let text = read.to_string();
    assert!(!text.contains("12345678") && !text.contains("김하나"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_answered_with_503_and_reveals_nothing_internal() {
    let world = world().await;
    for _ in 0..10 {
        world.faults.add(DatabaseFault::Refused);
    }
    let (status, problem) = world.produce("POST", "/v1/notifications", Some("k"), valid()).await;
    assert_eq!(status, 503);
    let text = problem.to_string();
    assert!(!text.contains("Throttling") && !text.contains("table"), "{text}");
}
