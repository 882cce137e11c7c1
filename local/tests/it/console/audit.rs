//! Every action of an operator leaves a record of who did what to whose data.

use std::time::Duration;

use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{World, operate};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::operator::{CREATE, create, daily, get, scheduled_world, status_and_field, with, world};
use super::teachers::{CSV, upload};
use crate::http::requests::{id, post, valid};

const CANCEL: &str = "POST /v1/ops/notifications/{id}/cancel";
const AUDIT: &str = "/v1/ops/audit?day=2026-03-02";

/// All records of the day on which a world begins.
async fn records(world: &World) -> Vec<Value> {
    let answer = get(world, AUDIT).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["items"].as_array().cloned().expect("items")
}

/// The record that the last request left.
async fn last(world: &World) -> Value {
    records(world).await.into_iter().next_back().expect("a record")
}

#[tokio::test(start_paused = true)]
async fn a_record_says_who_did_what_to_what_and_how_it_ended() {
    let world = world().await;
    let kim = world.stack.console_called_by(|_| Some("kim".to_owned()));
    let path = "/v1/channels/alimtalk-main/pause";
    assert_eq!(operate(kim, "POST", path, &[], String::new()).await.status, 200);
    let record = last(&world).await;
    let expected = json!({
        "at": record["at"], "request_id": record["request_id"], "actor": "kim",
        "action": "POST /v1/channels/{name}/pause",
        "subject": { "name": "alimtalk-main", "revision": "2" },
        "result": "done", "status": 200,
    });
    assert_eq!(record, expected);
    assert!(record["at"].as_str().is_some_and(|at| at.starts_with("2026-03-02T01:00:00")));

    let stale = [("if-match", "\"9\"")];
    let refused = world.operate("DELETE", "/v1/channels/alimtalk-main", &stale, "").await;
    assert_eq!(refused.status, 412);
    let record = last(&world).await;
    assert_eq!(record["action"], "DELETE /v1/channels/{name}");
    assert_eq!(record["result"], "refused");
    assert_eq!(record["subject"], json!({ "name": "alimtalk-main" }));
}

#[tokio::test(start_paused = true)]
async fn everything_that_an_operator_does_is_recorded_but_reads_of_the_catalog() {
    let world = scheduled_world().await;
    let message = post(&world, "/v1/notifications", "k", &valid()).await;
    let inspected = format!("/v1/ops/notifications/{}", id(&message));
    let secrets = "/v1/channels/alimtalk-main/receipt-secrets";
    let made = world.operate("POST", secrets, &[], "").await;
    let made_id = made.body["id"].as_str().expect("an id").to_owned();
    upload(&world, "?upload=march&complete=true", CSV, "id\na\n").await;
    create(&world, "/v1/producers/shop", json!({})).await;
    for (method, path, body) in [
        ("DELETE", format!("{secrets}/{made_id}"), String::new()),
        ("POST", "/v1/channels/alimtalk-main/pause".to_owned(), String::new()),
        ("POST", "/v1/channels/alimtalk-main/resume".to_owned(), String::new()),
        ("POST", "/v1/schedules/daily/dry-run".to_owned(), String::new()),
        (
            "POST",
            "/v1/audiences/teachers/upload-url".to_owned(),
            json!({ "format": "csv", "bytes": 9 }).to_string(),
        ),
        ("GET", inspected.clone(), String::new()),
        ("GET", format!("{inspected}/why"), String::new()),
        ("POST", "/v1/producers/shop/keys".to_owned(), String::new()),
        ("POST", format!("{inspected}/cancel"), json!({ "reason": "a test" }).to_string()),
        ("GET", "/v1/ops/audit".to_owned(), String::new()),
    ] {
        let answer = world.operate(method, &path, &[], body).await;
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
    }
    for path in [
        "/v1/channels",
        "/v1/channels/alimtalk-main",
        "/v1/channels/alimtalk-main/history",
        "/v1/producers",
        "/v1/producers/shop/keys",
        "/v1/schedules/daily/preview",
        "/v1/schedules/daily/runs",
    ] {
        assert_eq!(get(&world, path).await.status, 200, "{path}");
    }
    let records = records(&world).await;
    let actions: Vec<_> = records.iter().map(|record| record["action"].as_str()).collect();
    let expected = [
        "PUT /v1/audiences/{name}",
        "PUT /v1/schedules/{name}",
        "POST /v1/channels/{name}/receipt-secrets",
        "POST /v1/audiences/{name}/members",
        "PUT /v1/producers/{name}",
        "DELETE /v1/channels/{name}/receipt-secrets/{id}",
        "POST /v1/channels/{name}/pause",
        "POST /v1/channels/{name}/resume",
        "POST /v1/schedules/{name}/dry-run",
        "POST /v1/audiences/{name}/upload-url",
        "GET /v1/ops/notifications/{id}",
        "GET /v1/ops/notifications/{id}/why",
        "POST /v1/producers/{name}/keys",
        CANCEL,
        "GET /v1/ops/audit",
    ];
    assert_eq!(actions, expected.map(Some));
    assert!(records.iter().all(|record| record["result"] == "done"), "{records:#?}");
    let subject = |index: usize| &records[index]["subject"];
    assert_eq!(subject(2), &json!({ "name": "alimtalk-main", "id": made_id }));
    assert_eq!(subject(3)["upload"], "march");
    for shown in [10, 11, 13] {
        assert_eq!(subject(shown)["recipient"], valid()["to"]["id"], "{shown}");
        assert_eq!(subject(shown)["owner"], "local", "{shown}");
    }
    let key = subject(12)["id"].as_str().expect("the key's id");
    assert!(key.starts_with("shop."), "{key}");
    assert_eq!(subject(13)["reason"], "a test");
    // Neither numbers nor texts nor secrets.
    let all = json!(records).to_string();
    for private in [
        made.body["secret"].as_str().expect("a secret"),
        valid()["to"]["phone"].as_str().expect("a number"),
        "김하나",
        "X-Amz-Signature",
    ] {
        assert!(!all.contains(private), "{private} in {all}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_phone_number_in_a_path_is_masked() {
    let world = world().await;
    let answer = get(&world, "/v1/ops/notifications/010-1234-5678").await;
    assert_eq!(status_and_field(&answer), (404, "id"));
    let record = last(&world).await;
    assert_eq!(record["subject"]["id"], "***********78");
    assert_eq!(record["result"], "refused");
}

#[tokio::test(start_paused = true)]
async fn records_come_in_pages_and_by_day() {
    let world = world().await;
    for _ in 0..5 {
        world.operate("POST", "/v1/channels/alimtalk-main/resume", &[], "").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut path = format!("{AUDIT}&limit=2");
    let mut read = Vec::new();
    // Each page that is read adds a record of its own.
    for _ in 0..4 {
        let page = get(&world, &path).await.body;
        let items = page["items"].as_array().expect("items").clone();
        read.extend(items.into_iter().map(|item| {
            let at: Timestamp = item["at"].as_str().expect("a time").parse().expect("a time");
            (at, item["request_id"].as_str().expect("an id").to_owned())
        }));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{AUDIT}&limit=2&cursor={}", next.replace('#', "%23"));
    }
    let mut in_order = read.clone();
    in_order.sort_unstable();
    in_order.dedup();
    assert_eq!(read, in_order);
    assert!(read.len() > 5, "{read:?}");
    assert_eq!(get(&world, "/v1/ops/audit?day=2026-03-01").await.body["items"], json!([]));
    // Without a day, today's.
    assert!(!get(&world, "/v1/ops/audit").await.body["items"].as_array().expect("[]").is_empty());
    for (query, field) in [
        ("day=yesterday", "day"),
        ("day=2026-02-30", "day"),
        ("cursor=5", "cursor"),
        ("cursor=", "cursor"),
        ("after=5", "after"),
        ("limit=0", "limit"),
    ] {
        let answer = get(&world, &format!("/v1/ops/audit?{query}")).await;
        assert_eq!(status_and_field(&answer), (400, field), "{query}: {}", answer.body);
    }
    let nobody = world.stack.console_called_by(|_| None);
    assert_eq!(operate(nobody, "GET", AUDIT, &[], String::new()).await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn records_are_kept_for_400_days() {
    let world = world().await;
    world.operate("POST", "/v1/channels/alimtalk-main/resume", &[], "").await;
    tokio::time::sleep(Duration::from_secs(399 * 24 * 3600)).await;
    assert_eq!(records(&world).await.len(), 1);
    tokio::time::sleep(Duration::from_secs(2 * 24 * 3600)).await;
    assert_eq!(records(&world).await.len(), 0);
}

/// A crash of the console at any await: what it changed is on record, with `begun` if the end is not.
#[tokio::test(start_paused = true)]
async fn nothing_is_changed_without_a_record_wherever_the_console_crashes() {
    let (mut begun, mut done) = (0, 0);
    for steps in 0.. {
        let world = world().await;
        let pause = world.operate("POST", "/v1/channels/alimtalk-main/pause", &[], "");
        let ended = CrashPoint::after(steps).run(pause).await.is_some();
        let channel = get(&world, "/v1/channels/alimtalk-main").await.body;
        let records = records(&world).await;
        let results: Vec<_> = records.iter().map(|record| record["result"].as_str()).collect();
        assert!(channel["paused"] == false || results.len() == 1, "{steps}: {results:?}");
        begun += usize::from(results == [Some("begun")]);
        if ended {
            assert_eq!(results, [Some("done")]);
            done += 1;
            break;
        }
    }
    assert!(begun > 1 && done == 1, "{begun} begun, {done} done");
}

/// A crash of the console at any await of a cancellation: who cancelled what and why is on record.
#[tokio::test(start_paused = true)]
async fn the_reason_of_a_cancellation_is_on_record_before_anything_is_cancelled() {
    let (mut begun, mut cancelled) = (0, 0);
    for steps in 0.. {
        let world = world().await;
        let message = post(&world, "/v1/notifications", "k", &valid()).await;
        let path = format!("/v1/ops/notifications/{}", id(&message));
        let cancel = format!("{path}/cancel");
        let body = json!({ "reason": "sent by mistake" });
        let request = world.operate("POST", &cancel, &[], body);
        let ended = CrashPoint::after(steps).run(request).await.is_some();
        let is_cancelled = get(&world, &path).await.body["status"] == "cancelled";
        let records = records(&world).await;
        let record = records.iter().find(|record| record["action"] == CANCEL);
        assert!(record.is_some() || !is_cancelled, "{steps}: {records:?}");
        let Some(record) = record else { continue };
        assert_eq!(record["subject"]["id"], id(&message));
        assert_eq!(record["subject"]["reason"], "sent by mistake", "{steps}: {record}");
        begun += usize::from(record["result"] == "begun");
        cancelled += usize::from(is_cancelled);
        if ended {
            let expected = json!({
                "id": id(&message), "reason": "sent by mistake",
                "owner": "local", "recipient": valid()["to"]["id"],
            });
            assert_eq!((&record["result"], &record["subject"]), (&json!("done"), &expected));
            break;
        }
    }
    assert!(begun > 1 && cancelled > 1, "{begun} begun, {cancelled} cancelled");
}

#[tokio::test(start_paused = true)]
async fn an_operator_changes_and_sees_nothing_while_no_record_can_be_stored() {
    let world = world().await;
    let message = post(&world, "/v1/notifications", "k", &valid()).await;
    let inspected = format!("/v1/ops/notifications/{}", id(&message));
    // The first request to the database is the record's, and the client tries it a few times.
    (0..10).for_each(|_| world.faults.add(DatabaseFault::Refused));
    let pause = world.operate("POST", "/v1/channels/alimtalk-main/pause", &[], "").await;
    world.faults.clear();
    assert_eq!(pause.status, 503, "{}", pause.body);
    assert_eq!(get(&world, "/v1/channels/alimtalk-main").await.body["paused"], false);
    // The notification and its template are read, and the record of that is refused.
    world.faults.pass(2);
    (0..10).for_each(|_| world.faults.add(DatabaseFault::Refused));
    let seen = get(&world, &inspected).await;
    world.faults.clear();
    assert_eq!(seen.status, 503, "{}", seen.body);
    assert!(seen.body.get("content").is_none(), "{}", seen.body);
    assert_eq!(get(&world, &inspected).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_end_cannot_be_stored_says_begun_and_the_change_stands() {
    let world = world().await;
    let path = "/v1/schedules/daily";
    create(&world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    let mut ends = Vec::new();
    for passed in 1..40 {
        let disabled = with(daily(), &json!({ "priority": passed }));
        let expected = match get(&world, path).await.etag {
            Some(etag) => ("if-match", etag),
            None => (CREATE.0, CREATE.1.to_owned()),
        };
        world.faults.pass(passed);
        (0..10).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let expected = [(expected.0, expected.1.as_str())];
        let put = world.operate("PUT", path, &expected, disabled).await;
        let were_met = world.faults.left() < 10;
        world.faults.clear();
        if put.status < 300 {
            ends.push(last(&world).await["result"].clone());
        }
        if !were_met {
            break;
        }
    }
    assert!(ends.contains(&json!("begun")), "{ends:?}");
    assert_eq!(ends.last(), Some(&json!("done")));
}
