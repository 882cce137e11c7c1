//! What the webhook answers to a provider, and to everybody else.

use alimi::ports::WakeGroup;
use alimi_local::aws::embedded::DatabaseFault;
use serde_json::{Value, json};

use super::requests::{id, post, with, world};
use crate::phone_numbers::NO_RECEIPT;

const WEBHOOK: &str = "/webhooks/alimtalk-main/local-webhook-secret";

/// A receipt with fields changed or, for null, removed.
fn receipt(fields: &Value) -> Value {
    let mut receipt = json!({
        "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01012345678", "MEDIA": "KAT",
        "UNIXTIME": "1", "RESULT": "7000",
    });
    if let (Value::Object(receipt), Value::Object(fields)) = (&mut receipt, fields) {
        receipt.extend(fields.clone());
        receipt.retain(|_, value| !value.is_null());
    }
    receipt
}

#[tokio::test(start_paused = true)]
async fn a_webhook_call_without_the_secret_is_answered_with_404() {
    let world = world().await;
    for path in [
        "/webhooks/alimtalk-main/wrong",
        "/webhooks/alimtalk-main/local-webhook-secre",
        "/webhooks/elsewhere/local-webhook-secret",
        "/webhooks/alimtalk-main",
        "/webhooks/%FF/x",
        "/",
    ] {
        let (status, problem) = world.webhook(path, receipt(&json!({}))).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(problem["field"].as_str(), Some("path"), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_malformed_receipt_is_answered_with_400_and_an_unknown_one_with_200() {
    let world = world().await;
    for (body, field) in [
        ("not json".to_owned(), "body"),
        ("[]".to_owned(), "body"),
        (receipt(&json!({ "RESULT": null })).to_string(), "RESULT"),
        (receipt(&json!({ "RESULT": "<script>" })).to_string(), "RESULT"),
        (receipt(&json!({ "MEDIA": 7 })).to_string(), "MEDIA"),
    ] {
        let (status, problem) = world.webhook(WEBHOOK, &body).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(problem["field"].as_str(), Some(field), "{body}");
    }
    let unknown = format!("{}01", "0".repeat(30));
    for refkey in [json!(null), json!("order-7"), json!(unknown)] {
        let (status, _) = world.webhook(WEBHOOK, receipt(&json!({ "REFKEY": refkey }))).await;
        assert_eq!(status, 200, "{refkey}");
    }
    let (status, _) = world.webhook(WEBHOOK, "x".repeat(70_000)).await;
    assert_eq!(status, 413);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_cannot_be_stored_is_answered_with_5xx_so_that_it_comes_again() {
    let world = world().await;
    let body = with("/to/phone", json!(NO_RECEIPT));
    let made = post(&world, "/v1/notifications", "k", &body).await;
    // One drain and no more, so that only the webhook meets the outage.
    world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await.expect("drained");
    let delivered = receipt(&json!({ "REFKEY": format!("{}01", id(&made)) }));
    for _ in 0..10 {
        world.faults.add(DatabaseFault::Refused);
    }
    let (status, _) = world.webhook(WEBHOOK, &delivered).await;
    assert!(status.is_server_error(), "{status}");
    world.faults.clear();
    let (status, _) = world.webhook(WEBHOOK, &delivered).await;
    assert_eq!(status, 200);
    let path = format!("/v1/notifications/{}", id(&made));
    let (_, read) = world.produce("GET", &path, None, "").await;
    assert_eq!(read["status"], "delivered");
}
