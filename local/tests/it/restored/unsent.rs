//! Messages that certainly have not left since the table's time stay as they are.

use std::time::Duration;

use alimi::domain::Status;
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::table::Snapshot;
use super::work::{
    A_MINUTE, arrivals, drain, message, pass, pause, post, post_many, post_sequence,
    repeat_receipt, resume, reviewed, statuses, step, stop, to_new_york, world,
};
use crate::phone_numbers::{DELIVERED, NO_RECEIPT};

const TWO_DAYS: Duration = Duration::from_secs(48 * 3600);
const CREATE: (&str, &str) = ("if-none-match", "*");

async fn create(world: &World, path: &str, body: Value) {
    let answer = world.operate("PUT", path, &[CREATE], body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_channel_that_had_stopped_before_are_sent() {
    let world = world().await;
    pause(&world).await;
    let ids = post_many(&world, "queued", 3).await;
    tokio::time::sleep(3 * A_MINUTE).await;
    let snapshot = Snapshot::take(&world);
    world.start_senders();
    pass(&world, 20).await;
    snapshot.put_back(&world);
    assert_eq!(reviewed(&world, &snapshot.taken_at).await, (3, 0));
    resume(&world).await;
    world.settle(TWO_DAYS).await;
    assert_eq!(statuses(&world, &ids).await, [Status::Delivered; 3]);
    assert_eq!(world.audit().sent_twice, []);
}

/// A time that comes while the channel is paused does not count, however late the review is.
#[tokio::test(start_paused = true)]
async fn a_message_that_comes_due_after_the_pause_is_sent() {
    let world = world().await;
    let mut due = message(DELIVERED);
    due["not_before"] = json!("2026-03-02T10:30:00+09:00");
    let id = post(&world, "due", &due).await;
    let snapshot = Snapshot::take(&world);
    world.start_senders();
    pass(&world, 10).await;
    pause(&world).await;
    // The table is there again at 10:25, and nobody looks at it before 11:10.
    tokio::time::sleep(10 * A_MINUTE).await;
    snapshot.put_back(&world);
    pass(&world, 45).await;
    assert_eq!(reviewed(&world, &snapshot.taken_at).await, (1, 0));
    resume(&world).await;
    world.settle(TWO_DAYS).await;
    assert_eq!(world.notification(&id).await.status, Status::Delivered);
    assert_eq!(arrivals(&world, &id), 1);
}

#[tokio::test(start_paused = true)]
async fn hours_that_changed_since_the_tables_time_prove_nothing() {
    let world = world().await;
    let id = post(&world, "closed", &to_new_york()).await;
    let snapshot = Snapshot::take(&world);
    world.start_senders();
    let wider = json!({ "scheduled": { "from": "10:00", "to": "22:00" } });
    create(&world, "/v1/hours/stack", wider).await;
    pass(&world, 5).await;
    assert_eq!(arrivals(&world, &id), 1);
    // Somebody takes the change back.
    let hours = world.operate("GET", "/v1/hours/stack", &[], "").await;
    let etag = hours.etag.expect("an ETag");
    let deletion = [("if-match", etag.as_str())];
    assert_eq!(world.operate("DELETE", "/v1/hours/stack", &deletion, "").await.status, 204);
    stop(&world).await;
    snapshot.put_back(&world);
    assert_eq!(reviewed(&world, &snapshot.taken_at).await, (1, 1));
    assert_eq!(world.notification(&id).await.status, Status::Unknown);
}

/// In London it is night, so the first step cannot have left. The second one has no hours.
#[tokio::test(start_paused = true)]
async fn a_step_behind_one_that_cannot_have_left_is_sent_after_it() {
    let world = world().await;
    let content = json!({ "type": "sms", "body": "#{name}" });
    let advertising = json!({
        "category": "advertising",
        "variants": [{ "channel": "alimtalk-main", "content": content }],
    });
    create(&world, "/v1/templates/advertising", advertising).await;
    tokio::time::sleep(2 * A_MINUTE).await;
    let sequence = json!({
        "to": { "id": "t", "phone": DELIVERED, "timezone": "Europe/London" },
        "steps": [step("advertising"), step("photo-and-video")],
    });
    let ids = post_sequence(&world, "s", &sequence).await;
    let snapshot = Snapshot::take(&world);
    world.start_senders();
    pass(&world, 10).await;
    stop(&world).await;
    snapshot.put_back(&world);
    assert_eq!(reviewed(&world, &snapshot.taken_at).await, (2, 0));
    assert_eq!(statuses(&world, &ids).await, [Status::Queued, Status::Blocked]);
    resume(&world).await;
    world.settle(TWO_DAYS).await;
    assert_eq!(statuses(&world, &ids).await, [Status::Delivered; 2]);
    assert_eq!(world.audit().out_of_order, []);
}

/// A receipt that comes between the restoration and the review releases the next step, although
/// that step has left.
#[tokio::test(start_paused = true)]
async fn a_step_that_is_released_after_the_restoration_may_have_left_before() {
    let world = world().await;
    let sequence = json!({
        "to": { "id": "t", "phone": NO_RECEIPT },
        "steps": [step("photo-and-video"), step("photo-and-video")],
    });
    let ids = post_sequence(&world, "s", &sequence).await;
    drain(&world).await;
    assert_eq!(statuses(&world, &ids).await, [Status::Accepted, Status::Blocked]);
    let snapshot = Snapshot::take(&world);
    world.start_senders();
    repeat_receipt(&world, &ids[0]).await;
    pass(&world, 5).await;
    assert_eq!(arrivals(&world, &ids[1]), 1);
    stop(&world).await;
    snapshot.put_back(&world);
    repeat_receipt(&world, &ids[0]).await;
    assert_eq!(statuses(&world, &ids).await, [Status::Delivered, Status::Queued]);
    assert_eq!(reviewed(&world, &snapshot.taken_at).await, (2, 1));
    assert_eq!(statuses(&world, &ids).await, [Status::Delivered, Status::Unknown]);
    resume(&world).await;
    world.settle(TWO_DAYS).await;
    assert_eq!(arrivals(&world, &ids[1]), 1);
}
