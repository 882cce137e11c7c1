//! What holds every message of a channel: an operator's decision, or a record that cannot be read.

use alimi::domain::Status;
use alimi::ports::{Changed, Clock, Documents, Expected, Kind};
use alimi_local::aws::embedded::tables;
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::{
    CHANNEL, TEMPLATE, decisive, detail, kinds, leaves_from, left_ms, ms, post, running_world,
    seconds, why,
};
use crate::stored_rows::{get_row, put_row, revision_key};

/// The sweeper wakes the lane every minute.
const WITHIN_A_MINUTE_MS: i64 = 70_000;

async fn post_to(world: &World, path: &str) {
    let answer = world.operate("POST", path, &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn change(world: &World, path: &str, change: impl FnOnce(&mut Value)) {
    let read = world.operate("GET", path, &[], "").await;
    let mut body = read.body;
    change(&mut body);
    let etag = read.etag.expect("an ETag");
    let saved = world.operate("PUT", path, &[("if-match", &etag)], body).await;
    assert_eq!(saved.status, 200, "{}", saved.body);
}

#[tokio::test(start_paused = true)]
async fn a_paused_channel_names_who_paused_it_and_since_when() {
    let world = running_world().await;
    seconds(60).await;
    let paused_ms = world.clock.now_ms();
    post_to(&world, &format!("{CHANNEL}/pause")).await;
    let id = post(&world, "k", json!({})).await;
    seconds(600).await;
    // A later change is not the pause.
    change(&world, CHANNEL, |channel| channel["limit"]["per_second"] = json!(39)).await;
    seconds(600).await;
    let why = why(&world, &id).await;
    let hold = decisive(&why, "channel_paused");
    assert_eq!(kinds(&why), ["channel_paused"]);
    assert_eq!(why.get("leaves_at"), None);
    assert_eq!(hold["by"], "local");
    assert!((ms(&hold["since"]) - paused_ms).abs() < 1_000, "{hold}");
    let beginning = "The channel alimtalk-main is paused by local since 2026-03-02T10:01:00+09:00.";
    assert!(detail(hold).starts_with(beginning), "{}", detail(hold));

    // A producer is not told who did it.
    let (_, of_producer) = world.produce("GET", &format!("/v1/notifications/{id}"), None, "").await;
    let waiting_for = &of_producer["waiting_for"];
    assert_eq!(waiting_for["kind"], "channel_paused");
    assert_eq!([waiting_for.get("by"), waiting_for.get("since")], [None, None], "{waiting_for}");

    let resumed_ms = world.clock.now_ms();
    post_to(&world, &format!("{CHANNEL}/resume")).await;
    leaves_from(&world, &id, resumed_ms, 2_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_channel_was_deleted_waits_for_the_channel() {
    let world = running_world().await;
    let name = "alimtalk-main";
    let stored = world.store.document(Kind::Channel, name).await.expect("read").expect("a channel");
    let id = post(&world, "k", json!({ "not_before": "2026-03-02T10:05:00+09:00" })).await;
    // The console deletes no channel whose lane holds messages.
    let deleted = world.store.delete_document(Kind::Channel, name, Expected::Any, "test", 0).await;
    assert!(matches!(deleted, Ok(Changed::Done(_))));
    seconds(600).await;
    let why = why(&world, &id).await;
    decisive(&why, "channel_missing");
    assert_eq!(kinds(&why), ["channel_missing"]);
    assert_eq!((left_ms(&world, &id).await, why.get("leaves_at")), (None, None));

    let restored_ms = world.clock.now_ms();
    let restored = world.store.put_document(Kind::Channel, &stored, Expected::Absent).await;
    assert!(matches!(restored, Ok(Changed::Done(_))));
    leaves_from(&world, &id, restored_ms, WITHIN_A_MINUTE_MS).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_template_revision_cannot_be_read_waits_for_newer_code() {
    let world = running_world().await;
    post_to(&world, &format!("{CHANNEL}/pause")).await;
    let id = post(&world, "k", json!({})).await;
    change(&world, &format!("/v1/templates/{TEMPLATE}"), |template| {
        template["variants"][0]["content"]["body"] = json!("#{name} 선생님");
    })
    .await;
    let readable = get_row(&world, &tables().catalog, &revision_key(TEMPLATE, 1));
    let mut damaged = readable.clone();
    damaged["document"] = json!({ "M": {} });
    put_row(&world, &tables().catalog, &damaged);
    post_to(&world, &format!("{CHANNEL}/resume")).await;
    seconds(180).await;
    let why = why(&world, &id).await;
    let hold = decisive(&why, "unreadable");
    assert!(detail(hold).contains("the revision of the template"), "{}", detail(hold));
    assert_eq!(world.notification(&id).await.status, Status::Queued);

    let readable_ms = world.clock.now_ms();
    put_row(&world, &tables().catalog, &readable);
    leaves_from(&world, &id, readable_ms, WITHIN_A_MINUTE_MS).await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_cannot_be_read_is_not_missing() {
    let world = running_world().await;
    post_to(&world, &format!("{CHANNEL}/pause")).await;
    let id = post(&world, "k", json!({})).await;
    let key = json!({ "kind": { "S": "channel" }, "name": { "S": "alimtalk-main" } });
    let mut damaged = get_row(&world, &tables().catalog, &key);
    damaged["document"] = json!({ "M": {} });
    put_row(&world, &tables().catalog, &damaged);
    let why = why(&world, &id).await;
    let hold = decisive(&why, "unreadable");
    assert_eq!(kinds(&why), ["unreadable"]);
    assert!(detail(hold).contains("the channel's document"), "{}", detail(hold));
}
