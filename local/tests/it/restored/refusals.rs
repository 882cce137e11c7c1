//! When a review is refused.

use std::time::Duration;

use alimi::ports::{Acquired, Clock, Lanes, LeaseTerms, WakeGroup};
use alimi_local::testing::world::{Answer, World};
use serde_json::{Value, json};

use super::work::{A_MINUTE, REVIEW, in_minutes, pause, resume, review, reviewed, world};

/// The kind of an answer's problem, and the field that it names.
fn problem(answer: &Answer) -> (u16, &str, Option<&str>) {
    let kind = answer.body["type"].as_str().expect("a type");
    let kind = kind.strip_prefix("/docs/errors.md#").expect("a kind of ours");
    (answer.status, kind, answer.body["field"].as_str())
}

async fn ask(world: &World, body: Value) -> Answer {
    world.operate("POST", REVIEW, &[], body).await
}

async fn is_refused(world: &World, restored_to: &str, part: &str) {
    let answer = review(world, restored_to).await;
    assert_eq!(problem(&answer), (409, "not-stopped", Some("request")), "{}", answer.body);
    let detail = answer.body["detail"].as_str().expect("a detail");
    assert!(detail.contains(part), "{detail}");
}

/// A second channel, of the same provider account.
async fn add_channel(world: &World) {
    let mut channel = world.operate("GET", "/v1/channels/alimtalk-main", &[], "").await.body;
    channel["name"] = json!("texts");
    channel["receipt_secrets"] = json!([]);
    channel["paused"] = json!(false);
    let create = [("if-none-match", "*")];
    let created = world.operate("PUT", "/v1/channels/texts", &create, channel).await;
    assert_eq!(created.status, 201, "{}", created.body);
}

#[tokio::test(start_paused = true)]
async fn every_channel_has_to_be_paused_for_longer_than_a_sender_lives() {
    let world = world().await;
    let restored_to = in_minutes(&world, -1);
    add_channel(&world).await;
    is_refused(&world, &restored_to, "not paused: alimtalk-main, texts;").await;
    pause(&world).await;
    tokio::time::sleep(2 * A_MINUTE).await;
    is_refused(&world, &restored_to, "not paused: texts;").await;
    world.operate("POST", "/v1/channels/texts/pause", &[], "").await;
    is_refused(&world, &restored_to, "repeat the request after 60 s").await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    is_refused(&world, &restored_to, "repeat the request after 1 s").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(reviewed(&world, &restored_to).await, (0, 0));
    // A channel that is resumed and paused again may have sent in between.
    resume(&world).await;
    is_refused(&world, &restored_to, "not paused: alimtalk-main;").await;
    pause(&world).await;
    is_refused(&world, &restored_to, "repeat the request after 60 s").await;
}

/// A change of something else leaves the pause as old as it is.
#[tokio::test(start_paused = true)]
async fn a_paused_channel_may_be_changed_meanwhile() {
    let world = world().await;
    let restored_to = in_minutes(&world, -1);
    pause(&world).await;
    tokio::time::sleep(2 * A_MINUTE).await;
    let secrets = "/v1/channels/alimtalk-main/receipt-secrets";
    assert_eq!(world.operate("POST", secrets, &[], "").await.status, 201);
    assert_eq!(reviewed(&world, &restored_to).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn no_sender_may_hold_a_lane() {
    let world = world().await;
    let restored_to = in_minutes(&world, -1);
    pause(&world).await;
    tokio::time::sleep(2 * A_MINUTE).await;
    let now_ms = world.clock.now_ms();
    let terms = LeaseTerms {
        now_ms,
        until_ms: now_ms + 10_000,
        skew_ms: 500,
        confirm_within_ms: 1_800_000,
        holder: 1,
        group: WakeGroup::Zero,
        wake_sent_at_ms: None,
        despite_pause: false,
    };
    let acquired = world.store.acquire("alimtalk-main", terms).await.expect("an answer");
    assert!(matches!(acquired, Acquired::Leased(_)), "{acquired:?}");
    is_refused(&world, &restored_to, "repeat the request after 11 s").await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(reviewed(&world, &restored_to).await, (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_request_names_the_field() {
    let world = world().await;
    pause(&world).await;
    tokio::time::sleep(2 * A_MINUTE).await;
    let (past, future) = (in_minutes(&world, -3), in_minutes(&world, 1));
    let id = "0".repeat(30);
    for (body, field) in [
        (json!({ "reason": "r" }), "restored_to"),
        (json!({ "restored_to": future, "reason": "r" }), "restored_to"),
        (json!({ "restored_to": "2026-03-02T10:00:00", "reason": "r" }), "restored_to"),
        (json!({ "restored_to": 7, "reason": "r" }), "restored_to"),
        (json!({ "restored_to": past }), "reason"),
        (json!({ "restored_to": past, "reason": " " }), "reason"),
        (json!({ "restored_to": past, "reason": "가".repeat(501) }), "reason"),
        (json!({ "restored_to": past, "reason": "r", "cursor": "x" }), "cursor"),
        (json!({ "restored_to": past, "reason": "r", "after": id }), "after"),
        (json!([]), "body"),
    ] {
        let answer = ask(&world, body.clone()).await;
        assert_eq!(problem(&answer), (422, "invalid-field", Some(field)), "{body}");
    }
    let answer = world.operate("POST", REVIEW, &[], "no JSON").await;
    assert_eq!(problem(&answer), (400, "malformed", Some("body")));
    let body = json!({ "restored_to": past, "reason": "r" });
    let answer = world.operate("POST", "/v1/ops/restored?all=true", &[], &body).await;
    assert_eq!(problem(&answer), (400, "malformed", Some("all")));
    assert_eq!(world.operate("GET", REVIEW, &[], "").await.status, 405);
    let longest = json!({ "restored_to": past, "reason": "가".repeat(500), "cursor": id });
    assert_eq!(ask(&world, longest).await.status, 200);
}
