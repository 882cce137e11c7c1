//! A producer stores no more notifications on a day than its quota says. A repeated request is never
//! refused for it.

use std::time::Duration;

use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::world::Answer;
use axum::Router;
use serde_json::{Value, json};

use super::fixture::{Doors, doors, notification, post, sequence, text};

const NOTIFICATIONS: &str = "/v1/notifications";

/// From the beginning of a world to midnight in Seoul.
const TO_MIDNIGHT: Duration = Duration::from_secs(14 * 3600);

async fn with_quota(per_day: u32) -> Doors {
    let doors = doors().await;
    doors.store_shop(json!({ "quota": { "notifications_per_day": per_day } })).await;
    doors
}

async fn one(enqueue: &Router, key: &str) -> Answer {
    post(enqueue, NOTIFICATIONS, key, &notification()).await
}

fn many(count: usize) -> Value {
    (0..count).map(|_| notification()).collect()
}

fn check_over_quota(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert_eq!(answer.body["type"], "/docs/errors.md#over-quota");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let retry_after_s: u64 = answer.header("retry-after").parse().expect("whole seconds");
    assert!(retry_after_s <= TO_MIDNIGHT.as_secs(), "{retry_after_s}");
    assert!(answer.header("ratelimit").starts_with("\"notifications\";r="), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_over_the_quota_is_refused_until_the_next_day_in_seoul() {
    let doors = with_quota(2).await;
    let shop = doors.shop();
    for (key, left) in [("1", 1), ("2", 0)] {
        let stored = one(&shop, key).await;
        assert_eq!(stored.status, 202, "{}", stored.body);
        let expected = "\"notifications\";q=2;qu=\"notifications\";w=86400";
        assert_eq!(stored.header("ratelimit-policy"), expected);
        assert_eq!(stored.header("ratelimit"), format!("\"notifications\";r={left};t=50400"));
    }
    let refused = one(&shop, "3").await;
    check_over_quota(&refused);
    assert_eq!(refused.header("retry-after"), "50400");
    let detail = text(&refused.body, "detail");
    assert!(detail.contains("0 of your service's 2 a day are left"), "{detail}");
    assert!(detail.contains("2026-03-03T00:00:00+09:00"), "{detail}");
    for key in ["1", "2"] {
        assert_eq!(one(&shop, key).await.status, 200, "a repeated request is answered");
    }
    let other_body = post(&shop, NOTIFICATIONS, "1", &sequence()).await;
    assert_eq!(other_body.status, 422, "{}", other_body.body);

    tokio::time::sleep(Duration::from_secs(TO_MIDNIGHT.as_secs() - 10)).await;
    check_over_quota(&one(&shop, "3").await);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(one(&shop, "3").await.status, 202);
    // Reading and cancelling never count.
    let path = format!("{NOTIFICATIONS}/{}/cancel", text(&one(&shop, "3").await.body, "id"));
    assert_eq!(post(&shop, &path, "", &Value::Null).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_day_of_a_quota_is_that_of_its_zone() {
    let doors = doors().await;
    let quota = json!({ "notifications_per_day": 1, "timezone": "America/New_York" });
    doors.store_shop(json!({ "quota": quota })).await;
    let shop = doors.shop();
    assert_eq!(one(&shop, "1").await.status, 202);
    // It is 20:00 on 1 March there.
    assert_eq!(one(&shop, "2").await.header("retry-after"), "14400");
}

#[tokio::test(start_paused = true)]
async fn an_array_counts_as_a_whole_and_its_repetition_does_not() {
    let doors = with_quota(5).await;
    let shop = doors.shop();
    assert_eq!(post(&shop, NOTIFICATIONS, "first", &many(3)).await.status, 202);
    check_over_quota(&post(&shop, NOTIFICATIONS, "second", &many(3)).await);
    assert_eq!(doors.world.notifications().len(), 3, "none of its items is stored");
    // An invalid item does not count.
    let mut with_invalid = many(3);
    with_invalid[1]["template"] = json!("no-such-template");
    let stored = post(&shop, NOTIFICATIONS, "third", &with_invalid).await;
    assert_eq!(stored.status, 202, "{}", stored.body);
    for (key, body) in [("first", many(3)), ("third", with_invalid)] {
        let again = post(&shop, NOTIFICATIONS, key, &body).await;
        assert_eq!(again.status, 200, "{key}: {}", again.body);
    }
    check_over_quota(&one(&shop, "fourth").await);
    let never = post(&shop, NOTIFICATIONS, "fifth", &many(6)).await;
    assert_eq!((never.status, &never.body["field"]), (422, &json!("body")), "{}", never.body);
    assert_eq!(doors.world.notifications().len(), 5);
}

/// A template comes that an item of an earlier request needed.
#[tokio::test(start_paused = true)]
async fn the_rest_of_a_repeated_array_waits_for_the_quota() {
    let doors = with_quota(2).await;
    let shop = doors.shop();
    let mut array = many(3);
    array[1]["template"] = json!("thanks");
    assert_eq!(post(&shop, NOTIFICATIONS, "k", &array).await.status, 202);
    let photo = doors.world.operate("GET", "/v1/templates/photo-and-video", &[], "").await.body;
    let thanks = json!({ "category": photo["category"], "variants": photo["variants"] });
    let path = "/v1/templates/thanks";
    let put = doors.world.operate("PUT", path, &[("if-none-match", "*")], thanks).await;
    assert_eq!(put.status, 201, "{}", put.body);
    let again = post(&shop, NOTIFICATIONS, "k", &array).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.body["items"][1]["problem"]["status"], 429, "{}", again.body);
    assert_eq!(again.body["items"][2]["new"], false, "{}", again.body);
    tokio::time::sleep(TO_MIDNIGHT).await;
    let last = post(&shop, NOTIFICATIONS, "k", &array).await;
    assert_eq!((last.status, &last.body["items"][1]["new"]), (202, &json!(true)), "{}", last.body);
}

#[tokio::test(start_paused = true)]
async fn a_sequence_counts_all_of_its_notifications() {
    let doors = with_quota(3).await;
    let shop = doors.shop();
    assert_eq!(post(&shop, "/v1/sequences", "1", &sequence()).await.status, 202);
    check_over_quota(&post(&shop, "/v1/sequences", "2", &sequence()).await);
    assert_eq!(post(&shop, "/v1/sequences", "1", &sequence()).await.status, 200);
    assert_eq!(one(&shop, "3").await.status, 202);
    check_over_quota(&one(&shop, "4").await);
    assert_eq!(doors.world.stored().sequences.len(), 1);
}

/// Wherever the database fails, the repeated request is stored or found, although the quota allows
/// one notification only; and no second one is stored.
#[tokio::test(start_paused = true)]
async fn no_failure_makes_a_quota_refuse_the_repeated_request_or_allow_another() {
    let mut failed = 0;
    for (path, body, quota) in [
        (NOTIFICATIONS, notification(), 1),
        (NOTIFICATIONS, many(2), 2),
        ("/v1/sequences", sequence(), 2),
    ] {
        for fault in [DatabaseFault::Failed, DatabaseFault::AnswerLost] {
            for position in 0..16 {
                let context = format!("{path}, {fault:?} of request {position}");
                let doors = with_quota(quota).await;
                let shop = doors.shop();
                doors.world.faults.pass(position);
                // The client tries a request five times.
                let times = if fault == DatabaseFault::Failed { 5 } else { 1 };
                (0..times).for_each(|_| doors.world.faults.add(fault));
                let first = post(&shop, path, "k", &body).await;
                doors.world.faults.clear();
                failed += usize::from(first.status == 503);
                assert!([202, 200, 503].contains(&first.status), "{context}: {}", first.body);
                tokio::time::sleep(Duration::from_millis(5)).await;
                let again = post(&shop, path, "k", &body).await;
                assert!([200, 202].contains(&again.status), "{context}: {}", again.body);
                let other = one(&shop, "other").await;
                check_over_quota(&other);
                assert_eq!(doors.world.notifications().len(), quota as usize, "{context}");
            }
        }
    }
    assert!(failed > 10, "only {failed} requests failed");
}

#[tokio::test(start_paused = true)]
async fn several_processes_share_a_quota_and_never_exceed_it() {
    const QUOTA: u32 = 2_010;
    let doors = with_quota(QUOTA).await;
    let processes = [doors.shop(), doors.shop_in_another_process()];
    for (number, count) in [500, 500, 500, 490].into_iter().enumerate() {
        let key = format!("array-{number}");
        let stored = post(&processes[number % 2], NOTIFICATIONS, &key, &many(count)).await;
        assert_eq!(stored.status, 202, "{}", stored.body);
    }
    let mut stored = 1_990;
    for number in 0..40 {
        let answer = one(&processes[number % 2], &format!("one-{number}")).await;
        match answer.status {
            202 => stored += 1,
            _ => check_over_quota(&answer),
        }
    }
    // A slice of a process is a thousandth of the quota.
    assert!((QUOTA - 2..=QUOTA).contains(&stored), "{stored}");
    assert_eq!(doors.world.notifications().len(), stored as usize);
}

/// A process that has counted a slice in advance crashes, and another one takes its place.
#[tokio::test(start_paused = true)]
async fn a_crash_loses_a_slice_and_no_more() {
    let doors = with_quota(100_000).await;
    let shop = doors.shop();
    for number in 0..130 {
        assert_eq!(one(&shop, &number.to_string()).await.status, 202, "{number}");
    }
    let after_crash = one(&doors.shop_in_another_process(), "after-the-crash").await;
    let left = after_crash.header("ratelimit").split(';').nth(1).and_then(|r| r.strip_prefix("r="));
    let left: u32 = left.and_then(|left| left.parse().ok()).expect("what is left");
    assert!((100_000 - 131 - 100..=100_000 - 131).contains(&left), "{left}");
}

/// Each count costs a write, so a busy process counts slices.
#[tokio::test(start_paused = true)]
async fn a_busy_producer_costs_few_counts() {
    let doors = with_quota(100_000).await;
    let shop = doors.shop();
    let updates = || doors.usage.by_operation().get("UpdateItem").map_or(0, |used| used.requests);
    assert_eq!(one(&shop, "first").await.status, 202);
    let before = updates();
    for number in 0..300 {
        assert_eq!(one(&shop, &number.to_string()).await.status, 202, "{number}");
    }
    let counts = updates() - before;
    assert!(counts <= 12, "{counts} counts for 300 notifications");
}

#[tokio::test(start_paused = true)]
async fn a_producer_without_a_quota_is_told_of_none_and_costs_no_count() {
    let doors = doors().await;
    doors.store_shop(json!({})).await;
    let stored = one(&doors.shop(), "1").await;
    assert_eq!(stored.status, 202);
    for header in ["ratelimit", "ratelimit-policy"] {
        assert_eq!(stored.header(header), "", "{header}");
    }
}
