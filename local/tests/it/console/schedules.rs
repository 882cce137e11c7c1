//! A schedule fires inside its window, keeps its start, and its runs stay readable.

use std::time::Duration;

use alimi::domain::RunKey;
use serde_json::json;

use super::operator::{
    CREATE, change, create, daily, delete, detail, get, scheduled_world, status_and_field, with,
};
use super::teachers::world_with_members;

#[tokio::test(start_paused = true)]
async fn a_schedule_outside_its_window_is_refused_with_its_first_time_unless_it_may_wait() {
    let world = scheduled_world().await;
    let path = "/v1/schedules/dawn";
    let dawn = with(daily(), &json!({ "expression": "cron(30 4 * * ? *)" }));
    let refused = world.operate("PUT", path, &[CREATE], &dawn).await;
    assert_eq!(status_and_field(&refused), (422, "expression"));
    assert!(detail(&refused).contains("2026-03-03T04:30:00+09:00"), "{}", refused.body);
    assert!(detail(&refused).contains("10:00–19:00"), "{}", refused.body);

    let waiting = with(dawn, &json!({ "outside_window": "defer" }));
    create(&world, path, waiting).await;
    let preview = get(&world, "/v1/schedules/dawn/preview").await.body;
    assert_eq!(preview["times"][0]["at"], "2026-03-03T04:30:00+09:00");
    assert_eq!(preview["times"][0]["decision"], "wait");
    assert_eq!(preview["times"][0]["until"], "2026-03-03T10:00:00+09:00");

    // The first moment of a window is inside, and its end is outside.
    let evening = with(daily(), &json!({ "expression": "cron(0 19 * * ? *)" }));
    assert_eq!(world.operate("PUT", "/v1/schedules/e", &[CREATE], &evening).await.status, 422);
    let opening = with(daily(), &json!({ "expression": "cron(0 10 * * ? *)" }));
    create(&world, "/v1/schedules/o", opening).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_daylight_saving_moves_outside_its_window_is_refused_with_that_day() {
    let world = scheduled_world().await;
    // 20:30 in New York is 10:30 in Seoul in winter, and 09:30 from 8 March 2026 on.
    let changes = json!({ "expression": "cron(30 20 * * ? *)", "timezone": "America/New_York" });
    let york = with(daily(), &changes);
    let refused = world.operate("PUT", "/v1/schedules/york", &[CREATE], &york).await;
    assert_eq!(status_and_field(&refused), (422, "expression"));
    assert!(detail(&refused).contains("2026-03-08T20:30:00-04:00"), "{}", refused.body);

    let later = with(york, &json!({ "expression": "cron(30 21 * * ? *)" }));
    create(&world, "/v1/schedules/york", later).await;
    let times = get(&world, "/v1/schedules/york/preview").await.body["times"].clone();
    assert_eq!(times[0]["at"], "2026-03-01T21:30:00-05:00");
    assert!(times.as_array().is_some_and(|times| times.iter().all(|t| t["decision"] == "send")));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_keeps_its_start_when_it_is_changed() {
    let world = scheduled_world().await;
    let path = "/v1/schedules/daily";
    let start = get(&world, path).await.body["starts_at"].clone();
    assert!(
        start.as_str().is_some_and(|start| start.starts_with("2026-03-02T01:00:00")),
        "{start}"
    );
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let changed = change(&world, path, &with(daily(), &json!({ "enabled": false }))).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.body["starts_at"], start);
    let moved = with(daily(), &json!({ "starts_at": "2026-03-02T09:00:00Z" }));
    assert_eq!(status_and_field(&change(&world, path, &moved).await), (422, "starts_at"));
}

#[tokio::test(start_paused = true)]
async fn the_result_of_a_run_can_be_read_after_its_schedule_was_deleted() {
    let world = world_with_members(3).await;
    let none = get(&world, "/v1/schedules/daily/runs").await;
    assert_eq!(none.status, 200);
    assert_eq!(none.body, json!({ "items": [] }));
    let key = RunKey::new("daily", "2026-03-02T11:00+09:00".parse().expect("a time"));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    world.stack.trigger.run(&key, Duration::from_secs(60)).await.expect("a run");
    assert_eq!(delete(&world, "/v1/schedules/daily").await.status, 204);

    let runs = get(&world, "/v1/schedules/daily/runs").await.body;
    let run = &runs["items"][0];
    assert_eq!(run["status"], "sending");
    assert_eq!((&run["open"], &run["open_is_minimum"]), (&json!(3), &json!(false)));
    assert_eq!(run["counts"]["stored"], 3);
    assert_eq!(run["scheduled_at"], "2026-03-02T02:00:00Z");
    assert_eq!(run["template"], "photo-and-video");
    assert_eq!(run["audience"]["size"], 3);
    assert!(run.get("fence").is_none(), "{run:#}");
}
