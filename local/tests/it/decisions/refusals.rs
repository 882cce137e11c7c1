//! What cannot be decided, and what each answer says.

use alimi::domain::Status;
use serde_json::{Value, json};

use super::work::{
    decide, decide_on, etag, post, post_and_send, resend, resend_doubtful, unconfirmed, world,
};
use crate::provider_receipts::{ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, receive};

fn settle(as_: &str) -> Value {
    json!({ "as": as_, "reason": "the person said so" })
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_is_no_notification() {
    let world = world().await;
    for id in ["0".repeat(30), "x".to_owned(), "%FF".to_owned()] {
        for (action, body) in [("resend", resend()), ("settle", settle("delivered"))] {
            let answer = decide_on(&world, &id, action, "\"1\"", body).await;
            assert_eq!((answer.status, &answer.body["field"]), (404, &json!("id")), "{id}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_progress_or_withdrawn_stays_as_it_is() {
    let world = world().await;
    let sent = post_and_send(&world, "sent").await;
    let waiting = post(&world, "waiting").await;
    let cancelled = post(&world, "cancelled").await;
    let path = format!("/v1/notifications/{cancelled}/cancel");
    assert_eq!(world.produce("POST", &path, None, "").await.0, 200);
    for (id, status) in
        [(&sent, Status::Accepted), (&waiting, Status::Queued), (&cancelled, Status::Cancelled)]
    {
        let before = world.notification(id).await;
        for (action, body) in [
            ("resend", resend_doubtful()),
            ("resend", json!({ "reason": "r", "force": true })),
            ("settle", settle("delivered")),
            ("settle", settle("given_up")),
        ] {
            let answer = decide(&world, id, action, body).await;
            assert_eq!((answer.status, &answer.body["field"]), (409, &json!("id")), "{status:?}");
            let detail = answer.body["detail"].as_str().expect("a detail");
            assert!(detail.starts_with(&format!("is {}", status.as_str())), "{detail}");
            assert!(answer.etag.is_some(), "the present revision");
        }
        assert_eq!(world.notification(id).await, before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivered_message_is_sent_again_by_force_only() {
    let world = world().await;
    let id = post_and_send(&world, "k").await;
    receive(&world, &id, ALIMTALK_DELIVERED).await;
    let refused = decide(&world, &id, "resend", resend_doubtful()).await;
    assert_eq!((refused.status, &refused.body["field"]), (409, &json!("force")));
    let refused = decide(&world, &id, "settle", settle("given_up")).await;
    assert_eq!((refused.status, &refused.body["field"]), (409, &json!("id")));
    let forced = decide(&world, &id, "resend", json!({ "reason": "asked", "force": true })).await;
    assert_eq!((forced.status, &forced.body["status"]), (200, &json!("queued")));
}

#[tokio::test(start_paused = true)]
async fn settling_twice_settles_once() {
    let world = world().await;
    let id = unconfirmed(&world, "k").await;
    let read = etag(&world, &id).await;
    let first = decide_on(&world, &id, "settle", &read, settle("given_up")).await;
    assert_eq!((first.status, &first.body["repeated"]), (200, &json!(false)));
    assert_eq!((&first.body["status"], &first.body["settled"]), (&json!("failed"), &json!(true)));
    assert_eq!(first.body["reason"]["name"], "given_up");
    let settled = world.notification(&id).await;
    let second = decide_on(&world, &id, "settle", &read, settle("given_up")).await;
    assert_eq!((second.status, &second.body["repeated"]), (200, &json!(true)));
    // Also by somebody who has read it since.
    let third = decide(&world, &id, "settle", settle("given_up")).await;
    assert_eq!((third.status, &third.body["repeated"]), (200, &json!(true)));
    assert_eq!(world.notification(&id).await, settled);
    // The same operator cannot mean both.
    let other = decide_on(&world, &id, "settle", &read, settle("delivered")).await;
    assert_eq!(other.status, 409, "{}", other.body);
}

#[tokio::test(start_paused = true)]
async fn a_decision_names_the_revision_that_the_operator_has_read() {
    let world = world().await;
    let id = unconfirmed(&world, "k").await;
    let path = format!("/v1/ops/notifications/{id}/resend");
    let without = world.operate("POST", &path, &[], resend_doubtful()).await;
    assert_eq!((without.status, &without.body["field"]), (428, &json!("If-Match")));
    for tag in ["1", "*", "W/\"1\"", "\"01\"", ""] {
        let answer = decide_on(&world, &id, "resend", tag, resend_doubtful()).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!("If-Match")), "{tag}");
    }
    // A receipt came after the operator had looked.
    let read = etag(&world, &id).await;
    receive(&world, &id, ALIMTALK_UNDELIVERED).await;
    let stale = decide_on(&world, &id, "resend", &read, resend_doubtful()).await;
    assert_eq!((stale.status, &stale.body["field"]), (412, &json!("If-Match")));
    let detail = stale.body["detail"].as_str().expect("a detail");
    assert!(detail.contains("is failed now"), "{detail}");
    let now = etag(&world, &id).await;
    assert_eq!(stale.etag, Some(now));
    assert_eq!(world.notification(&id).await.status, Status::Failed);
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_a_request_is_named_by_its_field() {
    let world = world().await;
    let id = unconfirmed(&world, "k").await;
    let before = world.notification(&id).await;
    let long = "r".repeat(501);
    for (action, body, field) in [
        ("resend", json!({}), "reason"),
        ("resend", json!({ "reason": "" }), "reason"),
        ("resend", json!({ "reason": " \n" }), "reason"),
        ("resend", json!({ "reason": long }), "reason"),
        ("resend", json!({ "reason": 1 }), "reason"),
        ("resend", json!({ "reason": "r", "may_double": "yes" }), "may_double"),
        ("resend", json!({ "reason": "r", "forced": true }), "forced"),
        ("settle", json!({ "reason": "r" }), "as"),
        ("settle", json!({ "reason": "r", "as": "failed" }), "as"),
        ("settle", json!({ "as": "delivered" }), "reason"),
        ("settle", json!({ "as": "delivered", "reason": "r", "force": true }), "force"),
    ] {
        let answer = decide(&world, &id, action, body.clone()).await;
        assert_eq!(
            (answer.status, answer.body["field"].as_str()),
            (422, Some(field)),
            "{action} {body}: {}",
            answer.body
        );
    }
    assert_eq!(world.notification(&id).await, before);
}
