//! The review itself: its pages, its crashes, and rows that it cannot read.

use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::Ledger;
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::json;

use super::table::Snapshot;
use super::work::{
    REVIEW, message, pause, post, post_many, review, reviewed, statuses, stop, world, world_with,
};
use crate::phone_numbers::DELIVERED;
use crate::stored_rows::{change_row, row};

async fn records(world: &World) -> Vec<serde_json::Value> {
    let entries = world.store.ledger_entries("restored#2026-03-02", None, 100).await;
    entries.expect("the ledger").into_iter().map(|entry| entry.body.into()).collect()
}

/// With a slow database, one request does not come to the end of the table.
#[tokio::test(start_paused = true)]
async fn the_cursor_leads_through_the_whole_table() {
    let database_latency = Duration::from_millis(150);
    let settings = WorldSettings { database_latency, ..WorldSettings::default() };
    let world = world_with(settings).await;
    let mut ids = post_many(&world, "first", 300).await;
    ids.extend(post_many(&world, "second", 300).await);
    let restored_to = Snapshot::take(&world).taken_at;
    stop(&world).await;

    let first = review(&world, &restored_to).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let cursor = first.body["cursor"].as_str().expect("a cursor");
    assert_eq!((&first.body["examined"], &first.body["moved"]), (&json!(500), &json!(500)));
    let body = json!({ "restored_to": restored_to, "reason": "as before", "cursor": cursor });
    let second = world.operate("POST", REVIEW, &[], body).await;
    assert_eq!(second.body, json!({ "examined": 100, "moved": 100, "unreadable": 0 }));
    assert!(statuses(&world, &ids).await.iter().all(|status| *status == Status::Unknown));
    // A request that continues is part of the same review.
    assert_eq!(records(&world).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_ledger_keeps_who_asked_for_a_review_and_why() {
    let world = world().await;
    post(&world, "k", &message(DELIVERED)).await;
    let restored_to = Snapshot::take(&world).taken_at;
    pause(&world).await;
    assert_eq!(review(&world, &restored_to).await.status, 409);
    assert_eq!(records(&world).await.len(), 0, "nothing was done");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(reviewed(&world, &restored_to).await, (1, 1));
    let [record] = &records(&world).await[..] else { panic!("one record") };
    assert_eq!(record["action"], "restored");
    assert_eq!(record["by"], "local");
    assert_eq!(record["reason"], "a script had deleted rows");
    // The audit record of the request has the reason too, beside all other actions of operators.
    let day = world.operate("GET", "/v1/ops/audit?day=2026-03-02", &[], "").await.body;
    let records = day["items"].as_array().expect("records").iter();
    let reviews = records.filter(|record| record["action"] == "POST /v1/ops/restored");
    let reviews: Vec<_> = reviews.map(|record| (&record["status"], &record["subject"])).collect();
    let subject = json!({ "reason": "a script had deleted rows" });
    assert_eq!(reviews, [(&json!(409), &subject), (&json!(200), &subject)]);
    assert_eq!(record["restored_to"], restored_to);
    let paused_at = record["paused_at"]["alimtalk-main"].as_str().expect("a time");
    assert!(paused_at.starts_with("2026-03-02T01:05:"), "{paused_at}");
}

#[tokio::test(start_paused = true)]
async fn a_review_may_crash_at_any_await_and_a_repeated_one_completes_it() {
    for steps in 0.. {
        let world = world().await;
        let ids = post_many(&world, "queued", 3).await;
        let restored_to = Snapshot::take(&world).taken_at;
        stop(&world).await;

        let crash = CrashPoint::after(steps);
        crash.run(review(&world, &restored_to)).await;
        let (examined, _) = reviewed(&world, &restored_to).await;
        assert_eq!(examined, 3, "after {steps} steps");
        for id in &ids {
            let found = world.notification(id).await;
            assert_eq!(found.status, Status::Unknown, "after {steps} steps");
            assert_eq!(found.revision, 1, "it was moved once; after {steps} steps");
        }
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_review_in_an_outage_of_the_database_is_answered_with_503_and_may_be_repeated() {
    let world = world().await;
    let ids = post_many(&world, "queued", 3).await;
    let restored_to = Snapshot::take(&world).taken_at;
    stop(&world).await;
    // It reads the channel and its lane, writes the record, reads the hours and a page. Then the
    // database fails.
    world.faults.pass(6);
    (0..100).for_each(|_| world.faults.add(DatabaseFault::Failed));
    assert_eq!(review(&world, &restored_to).await.status, 503);
    world.faults.clear();
    assert_eq!(reviewed(&world, &restored_to).await.0, 3);
    assert_eq!(statuses(&world, &ids).await, [Status::Unknown; 3]);
}

#[tokio::test(start_paused = true)]
async fn rows_that_cannot_be_read_or_saved_are_counted_and_stop_no_other() {
    let world = world().await;
    let ids = post_many(&world, "queued", 5).await;
    let restored_to = Snapshot::take(&world).taken_at;
    stop(&world).await;
    let newer = change_row(&world, &ids[1], |row| row["schema"] = json!({ "N": "99" }));
    let damaged = change_row(&world, &ids[3], |row| row["status"] = json!({ "S": "lost" }));
    let answer = review(&world, &restored_to).await;
    assert_eq!(answer.body, json!({ "examined": 5, "moved": 3, "unreadable": 2 }));
    assert_eq!(row(&world, &ids[1]), newer);
    assert_eq!(row(&world, &ids[3]), damaged);
    for id in [&ids[0], &ids[2], &ids[4]] {
        assert_eq!(world.notification(id).await.status, Status::Unknown);
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_sees_why_a_message_is_unknown() {
    let world = world().await;
    let id = post(&world, "k", &message(DELIVERED)).await;
    let restored_to = Snapshot::take(&world).taken_at;
    stop(&world).await;
    assert_eq!(reviewed(&world, &restored_to).await, (1, 1));
    let shown = world.operate("GET", &format!("/v1/ops/notifications/{id}"), &[], "").await;
    assert_eq!(shown.body["status"], "unknown");
    assert_eq!(shown.body["reason"], json!({ "name": "restored" }));
    assert_eq!(row(&world, &id)["reason_name"], json!({ "S": "restored" }), "the index has it");
}
