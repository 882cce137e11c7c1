//! What the webhook answers to a provider, and to everybody else.

use std::time::Duration;

use alimi_webhook::WebhookError;
use lambda_http::{Context, LambdaEvent};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::requests::world;

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
async fn an_event_that_is_neither_a_request_nor_a_batch_fails_and_its_error_quotes_nothing() {
    let world = world().await;
    for event in [json!({ "rawPath": "/webhooks/a/plain-secret" }), json!({ "Records": "a" })] {
        let payload = to_raw_value(&event).expect("JSON");
        let event = LambdaEvent::new(payload, Context::default());
        let handled =
            alimi_webhook::handle(&world.stack.webhook_function, event, Duration::from_secs(20));
        let error = handled.await.expect_err("no event of the function");
        assert_eq!(error, WebhookError::Unreadable);
        assert!(!error.to_string().contains("plain-secret"), "{error}");
    }
}
