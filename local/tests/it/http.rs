//! Invalid requests of producers and providers are answered with the fault, and change nothing.

use alimi::ports::WakeGroup;
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::{Value, json};

use crate::phone_numbers::{DELIVERED, NO_RECEIPT};

const WEBHOOK: &str = "/webhooks/alimtalk-main/local-webhook-secret";

async fn world() -> World {
    World::new(WorldSettings::default()).await
}

/// A valid notification.
fn valid() -> Value {
    json!({
        "template": "photo-and-video",
        "to": { "id": "teacher-1", "phone": DELIVERED },
        "variables": { "name": "김하나", "code": "a1" },
    })
}

/// The valid notification with one member changed or, for null, removed.
fn with(pointer: &str, value: Value) -> Value {
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
async fn every_invalid_notification_is_refused_with_the_field_at_fault_and_not_stored() {
    let world = world().await;
    let long = "가".repeat(1001);
    let cases = [
        (with("/template", json!("nope")), "template"),
        (with("/template", Value::Null), "template"),
        (with("/template", json!(7)), "template"),
        (with("/to", Value::Null), "to"),
        (with("/to/id", Value::Null), "to.id"),
        (with("/to/id", json!("")), "to.id"),
        (with("/to/phone", json!("call me")), "to.phone"),
        (with("/to/phone", json!("010")), "to.phone"),
        (with("/to/phone", Value::Null), "to.phone"),
        (with("/to/timezone", json!("Seoul")), "to.timezone"),
        (with("/to/fax", json!("1")), "to.fax"),
        (with("/variables/name", Value::Null), "variables.name"),
        (with("/variables/name", json!(["x"])), "variables.name"),
        (with("/variables/name", json!(long)), "variables"),
        (with("/priority", json!(-1)), "priority"),
        (with("/priority", json!("high")), "priority"),
        (with("/not_before", json!("tomorrow")), "not_before"),
        (with("/expires_at", json!(1)), "expires_at"),
        (with("/not_before", json!("2300-01-01T00:00:00Z")), "not_before"),
        (with("/expires_at", json!("2300-01-01T00:00:00Z")), "expires_at"),
        (with("/template", json!("")), "template"),
        (with("/template", json!("x".repeat(2000))), "template"),
        (with("/when", json!("now")), "when"),
        (json!(7), "body"),
    ];
    for (index, (body, field)) in cases.into_iter().enumerate() {
        let key = format!("k{index}");
        let (status, problem) = world.produce("POST", "/v1/notifications", Some(&key), &body).await;
        assert_eq!(status, 422, "{body}: {problem}");
        assert_eq!(problem["field"], field, "{body}: {problem}");
        assert_eq!(problem["status"], 422);
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    }
    assert!(world.notifications().is_empty());
    assert_eq!(world.queue.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_expires_before_it_may_leave_is_refused() {
    let world = world().await;
    let mut body = with("/not_before", json!("2026-03-03T00:00:00Z"));
    body["expires_at"] = json!("2026-03-02T00:00:00Z");
    let (status, problem) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "expires_at");
}

#[tokio::test(start_paused = true)]
async fn a_template_whose_channel_was_deleted_is_refused() {
    let world = world().await;
    let template = alimi::domain::Template {
        name: "stray".into(),
        channel: "gone".into(),
        window: None,
        category: alimi::domain::Category::Informational,
        code: Some("C".into()),
        body: "b".into(),
        buttons: vec![],
        fallback: None,
    };
    world.store.put_template(&template).await.expect("stored");
    let body = with("/template", json!("stray"));
    let (status, problem) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "template");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("gone")));
}

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
async fn a_request_that_creates_needs_an_idempotency_key() {
    let world = world().await;
    let long = "k".repeat(256);
    for key in [None, Some(""), Some("  "), Some(long.as_str())] {
        for path in ["/v1/notifications", "/v1/sequences"] {
            let (status, problem) = world.produce("POST", path, key, valid()).await;
            assert_eq!(status, 400, "{key:?}");
            assert_eq!(problem["field"], "Idempotency-Key", "{key:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_makes_one_notification_and_refuses_another_body() {
    let world = world().await;
    let path = "/v1/notifications";
    let (first, made) = world.produce("POST", path, Some("k"), valid()).await;
    // The same content, with its members in another order.
    let reordered = format!(
        r#"{{"variables":{{"code":"a1","name":"김하나"}},"to":{},"template":"photo-and-video"}}"#,
        valid()["to"]
    );
    let (second, replayed) = world.produce("POST", path, Some("k"), reordered).await;
    assert_eq!(first, 202);
    assert_eq!(second, 200);
    assert_eq!(made["id"], replayed["id"]);

    let (status, problem) =
        world.produce("POST", path, Some("k"), with("/to/id", json!("other"))).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "Idempotency-Key");
    let (status, problem) =
        world.produce("POST", path, Some("k"), Value::Array(vec![valid()])).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "Idempotency-Key");
    assert_eq!(world.notifications().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_is_answered_even_when_its_template_was_deleted() {
    let world = world().await;
    let path = "/v1/notifications";
    let (_, made) = world.produce("POST", path, Some("k"), valid()).await;
    let delete = json!({
        "TableName": alimi_local::aws::embedded::tables().catalog,
        "Key": { "kind": { "S": "template" }, "name": { "S": "photo-and-video" } },
    });
    let delete = serde_json::from_value(delete).expect("a request");
    world.database.delete_item(delete).expect("deleted");
    let (status, replayed) = world.produce("POST", path, Some("k"), valid()).await;
    assert_eq!(status, 200);
    assert_eq!(replayed["id"], made["id"]);
}

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

#[tokio::test(start_paused = true)]
async fn every_invalid_sequence_is_refused_with_the_field_at_fault_and_not_stored() {
    let world = world().await;
    let step = |template: &str| json!({ "template": template, "variables": { "name": "n", "date": "d", "code": "c" } });
    let sequence = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({
            "to": { "id": "t", "phone": "01012345678" },
            "steps": [step("consultation-start"), step("photo-and-video")],
        });
        change(&mut body);
        body
    };
    let cases = [
        (sequence(&|b| b["steps"] = json!([])), "steps"),
        (sequence(&|b| b["steps"] = json!(vec![step("photo-and-video"); 26])), "steps"),
        (sequence(&|b| b["steps"] = json!(null)), "steps"),
        (sequence(&|b| b["steps"][1]["template"] = json!("nope")), "steps[1].template"),
        (sequence(&|b| b["steps"][1]["variables"] = json!({})), "steps[1].variables.name"),
        (sequence(&|b| b["steps"][0]["template"] = json!(1)), "steps[0].template"),
        (sequence(&|b| b["to"]["phone"] = json!("x")), "to.phone"),
        (sequence(&|b| b["on_failure"] = json!("skip")), "on_failure"),
        (sequence(&|b| b["confirm_within"] = json!("soon")), "confirm_within"),
        (sequence(&|b| b["confirm_within"] = json!("1s")), "confirm_within"),
    ];
    for (index, (body, field)) in cases.into_iter().enumerate() {
        let key = format!("k{index}");
        let (status, problem) = world.produce("POST", "/v1/sequences", Some(&key), &body).await;
        assert_eq!(status, 422, "{problem}");
        assert_eq!(problem["field"], field, "{problem}");
    }
    assert!(world.notifications().is_empty());

    let valid = sequence(&|b| b["confirm_within"] = json!("90m"));
    let (status, made) = world.produce("POST", "/v1/sequences", Some("k"), &valid).await;
    assert_eq!(status, 202, "{made}");
    let (status, replayed) = world.produce("POST", "/v1/sequences", Some("k"), &valid).await;
    assert_eq!(status, 200);
    assert_eq!(replayed["id"], made["id"]);
    let other = sequence(&|b| b["to"]["id"] = json!("u"));
    let (status, problem) = world.produce("POST", "/v1/sequences", Some("k"), &other).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "Idempotency-Key");
    assert_eq!(world.notifications().len(), 2);

    let path = format!("/v1/sequences/{}", made["id"].as_str().expect("an id"));
    let (status, read) = world.produce("GET", &path, None, "").await;
    assert_eq!(status, 200);
    assert_eq!(read["steps"][1]["status"], "blocked");
    assert_eq!(read["steps"][1]["sequence"]["step"], 2);
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
        ("GET", "/v1/notifications/%FF".to_owned(), 404, "id"),
        ("GET", "/v1/nothing".to_owned(), 404, "path"),
        ("DELETE", "/v1/notifications".to_owned(), 405, "method"),
    ] {
        let (answered, problem) = world.produce(method, &path, None, "").await;
        assert_eq!(answered, status, "{path}");
        assert_eq!(problem["field"].as_str(), Some(field), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_is_read_shows_no_phone_number_and_no_text() {
    let world = world().await;
    let (_, made) = world.produce("POST", "/v1/notifications", Some("k"), valid()).await;
    let path = format!("/v1/notifications/{}", made["id"].as_str().expect("an id"));
    let (status, read) = world.produce("GET", &path, None, "").await;
    assert_eq!(status, 200);
    assert_eq!(read["recipient"]["phone"], "*********78");
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
    let (_, made) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
    // One drain and no more, so that only the webhook meets the outage.
    world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await.expect("drained");
    let refkey = format!("{}01", made["id"].as_str().expect("an id"));
    let delivered = receipt(&json!({ "REFKEY": refkey }));
    for _ in 0..10 {
        world.faults.add(DatabaseFault::Refused);
    }
    let (status, _) = world.webhook(WEBHOOK, &delivered).await;
    assert!(status.is_server_error(), "{status}");
    world.faults.clear();
    let (status, _) = world.webhook(WEBHOOK, &delivered).await;
    assert_eq!(status, 200);
    let path = format!("/v1/notifications/{}", made["id"].as_str().expect("an id"));
    let (_, read) = world.produce("GET", &path, None, "").await;
    assert_eq!(read["status"], "delivered");
}
