//! Requests without a valid key cost little, whoever sends how many of them.

use std::time::Duration;

use alimi_local::aws::embedded::DatabaseFault;
use serde_json::{Value, json};

use super::fixture::{Doors, call, doors, notification, text};

async fn with_key() -> (Doors, String) {
    let doors = doors().await;
    doors.store_shop(json!({})).await;
    let made = doors.make_key(Value::Null).await;
    let key = text(&made, "key").to_owned();
    (doors, key)
}

/// The same key with another secret.
fn guess(key: &str, number: usize) -> String {
    format!("{}{number:04}", &key[..key.len() - 4])
}

fn requests(doors: &Doors) -> u64 {
    doors.usage.total().requests
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_key_is_unauthorized_and_one_with_a_malformed_key_costs_no_read() {
    let (doors, key) = with_key().await;
    let before = requests(&doors);
    let (path, body) = ("/v1/notifications", notification());
    let without = call(&doors.gateway.key_api(), &[], "POST", path, Some("k"), &body).await;
    assert_eq!((without.status, &without.body), (401, &json!({ "message": "Unauthorized" })));
    let signature = "AWS4-HMAC-SHA256 Credential=AKIA/20260302/r/execute-api/aws4_request";
    let malformed = [
        signature.to_owned(),
        "Bearer".to_owned(),
        "Bearer ak_".to_owned(),
        format!("Basic {key}"),
        key.clone(),
        format!("Bearer {key}="),
        format!("Bearer {}", key.to_uppercase()),
        format!("Bearer {}", key.replace("shop", "shop/../other")),
    ];
    for header in malformed {
        let headers = [("authorization", header.as_str())];
        let refused =
            call(&doors.gateway.key_api(), &headers, "POST", path, Some("k"), &body).await;
        assert_eq!(refused.status, 403, "{header}: {}", refused.body);
    }
    assert_eq!(requests(&doors), before);
}

#[tokio::test(start_paused = true)]
async fn guesses_for_one_producer_cost_a_read_a_second() {
    let (doors, key) = with_key().await;
    assert_eq!(doors.post_with_key(&key, "k").await.status, 202);
    let before = requests(&doors);
    for number in 0..500 {
        assert_eq!(doors.post_with_key(&guess(&key, number), "k").await.status, 403, "{number}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let reads = requests(&doors) - before;
    assert!((4..=6).contains(&reads), "{reads} reads in five seconds");
}

#[tokio::test(start_paused = true)]
async fn a_made_up_producer_costs_one_read_and_its_memory_is_bounded() {
    let (doors, key) = with_key().await;
    let before = requests(&doors);
    for number in 0..2_500 {
        let made_up = key.replace("shop", &format!("made-up-{number}"));
        assert_eq!(doors.post_with_key(&made_up, "k").await.status, 403, "{number}");
    }
    assert_eq!(requests(&doors) - before, 2_500);
    assert_eq!(doors.post_with_key(&key, "k").await.status, 202);
}

/// API Gateway must not keep an answer that an outage gave.
#[tokio::test(start_paused = true)]
async fn an_outage_refuses_nobody_for_longer_than_it_lasts() {
    let (doors, key) = with_key().await;
    (0..10).for_each(|_| doors.world.faults.add(DatabaseFault::Failed));
    let failed = doors.post_with_key(&key, "k").await;
    assert_eq!((failed.status, text(&failed.body, "message")), (500, "Internal Server Error"));
    doors.world.faults.clear();
    let posted = doors.post_with_key(&key, "k").await;
    assert_eq!(posted.status, 202, "{}", posted.body);
}

/// The database hangs: API Gateway waits for ten seconds.
#[tokio::test(start_paused = true)]
async fn a_hanging_database_is_given_up_before_api_gateway_does() {
    let (doors, key) = with_key().await;
    (0..10).for_each(|_| doors.world.faults.add(DatabaseFault::NoAnswer));
    let began = tokio::time::Instant::now();
    assert_eq!(doors.post_with_key(&key, "k").await.status, 500);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    doors.world.faults.clear();
    assert_eq!(doors.post_with_key(&key, "k").await.status, 202);
}
