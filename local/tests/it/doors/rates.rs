//! A producer makes no more requests that store something in a second than its rate says.

use std::time::Duration;

use alimi_local::testing::world::Answer;
use axum::Router;
use serde_json::{Value, json};

use super::fixture::{call, doors, notification, post, sequence, text};

async fn one(enqueue: &Router, key: &str) -> Answer {
    post(enqueue, "/v1/notifications", key, &notification()).await
}

#[tokio::test(start_paused = true)]
async fn the_requests_of_a_second_may_come_at_once_and_the_next_one_has_to_wait() {
    let doors = doors().await;
    doors.store_shop(json!({ "requests_per_second": 3 })).await;
    let shop = doors.shop();
    for (key, left) in [("1", 2), ("2", 1), ("3", 0)] {
        let stored = one(&shop, key).await;
        assert_eq!(stored.status, 202, "{}", stored.body);
        assert_eq!(stored.header("ratelimit-policy"), "\"requests\";q=3;w=1");
        assert_eq!(stored.header("ratelimit"), format!("\"requests\";r={left};t=1"));
    }
    // Both routes share the rate, and so do all processes.
    for enqueue in [&shop, &doors.shop_in_another_process()] {
        let refused = post(enqueue, "/v1/sequences", "4", &sequence()).await;
        assert_eq!(refused.status, 429, "{}", refused.body);
        assert_eq!(refused.body["type"], "/docs/errors.md#too-many-requests");
        assert_eq!(refused.header("retry-after"), "1");
        assert_eq!(refused.header("ratelimit"), "\"requests\";r=0;t=1");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The second has given a whole second's requests back, and a pause gives no more than that.
    for key in ["4", "5", "6"] {
        assert_eq!(one(&shop, key).await.status, 202, "{key}");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let statuses = futures::future::join_all(
        (7..12).map(async |key: u32| one(&shop, &key.to_string()).await.status),
    );
    let accepted = statuses.await.into_iter().filter(|status| *status == 202).count();
    assert_eq!(accepted, 3);
}

#[tokio::test(start_paused = true)]
async fn reading_and_cancelling_are_not_limited() {
    let doors = doors().await;
    doors.store_shop(json!({ "requests_per_second": 1 })).await;
    let shop = doors.shop();
    let stored = one(&shop, "1").await;
    assert_eq!(one(&shop, "2").await.status, 429);
    let path = format!("/v1/notifications/{}", text(&stored.body, "id"));
    for _ in 0..5 {
        assert_eq!(call(&shop, &[], "GET", &path, None, &Value::Null).await.status, 200);
    }
    let cancel = format!("{path}/cancel");
    assert_eq!(call(&shop, &[], "POST", &cancel, None, &Value::Null).await.status, 200);
}

/// A client that heeds the header Retry-After gets everything stored, and nothing twice.
#[tokio::test(start_paused = true)]
async fn a_client_that_waits_as_told_gets_through() {
    let doors = doors().await;
    let quota = json!({ "notifications_per_day": 1_000 });
    doors.store_shop(json!({ "requests_per_second": 2, "quota": quota })).await;
    let shop = doors.shop();
    let mut refused = 0;
    for number in 0..10 {
        loop {
            let answer = one(&shop, &number.to_string()).await;
            if answer.status == 202 {
                let names = answer.header("ratelimit-policy").matches(";q=").count();
                assert_eq!(names, 2, "both limits are told");
                break;
            }
            assert_eq!(answer.status, 429, "{}", answer.body);
            refused += 1;
            let wait_s = answer.header("retry-after").parse().expect("whole seconds");
            tokio::time::sleep(Duration::from_secs(wait_s)).await;
        }
    }
    assert!(refused > 2, "{refused}");
    assert_eq!(doors.world.notifications().len(), 10);
}
