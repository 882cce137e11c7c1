//! A preview says when a schedule fires, for how many members, and what will go wrong.

use std::time::Duration;

use alimi_local::testing::world::{World, WorldSettings};
use serde_json::{Value, json};

use super::operator::{change, create, daily, get, scheduled_world, with};
use super::teachers::{CSV, upload, world_with_members};

#[tokio::test(start_paused = true)]
async fn a_preview_shows_the_times_the_audience_size_and_the_duration_of_a_run() {
    let world = world_with_members(400).await;
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    let times: Vec<_> = (2..=6)
        .map(|day| json!({ "at": format!("2026-03-{day:02}T11:00:00+09:00"), "decision": "send" }))
        .collect();
    assert_eq!(preview["times"], json!(times));
    assert_eq!(preview["audience"], json!({ "name": "teachers", "size": 400 }));
    // The limit is 40 a second, with 50 ms for jitter: 40 messages take 1.05 s.
    assert_eq!(preview["drain_seconds"], json!(10.5));
    assert_eq!(preview["warnings"], json!([]));
    assert_eq!(
        preview["window"],
        json!({ "from": "10:00", "to": "19:00", "timezone": "Asia/Seoul" })
    );
}

#[tokio::test(start_paused = true)]
async fn a_preview_warns_of_a_run_that_the_end_of_the_window_would_interrupt() {
    let world = world_with_members(400).await;
    let path = "/v1/channels/alimtalk-main";
    let slow = json!({ "limit": { "per_second": 1, "jitter": "0s" } });
    let slow = with(get(&world, path).await.body, &slow);
    assert_eq!(change(&world, path, &slow).await.status, 200);
    let late = with(daily(), &json!({ "expression": "cron(55 18 * * ? *)" }));
    assert_eq!(change(&world, "/v1/schedules/daily", &late).await.status, 200);

    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(preview["drain_seconds"], json!(400.0));
    let warning = &preview["warnings"][0];
    assert_eq!(warning["kind"], "crosses_window_end");
    assert_eq!(warning["at"], "2026-03-02T18:55:00+09:00");
    assert_eq!(warning["closes_at"], "2026-03-02T19:00:00+09:00");
    assert_eq!(warning["left"], 100);
    assert_eq!(preview["warnings"].as_array().map(Vec::len), Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_preview_warns_of_runs_that_will_send_nothing() {
    let world = scheduled_world().await;
    let kinds = |preview: &Value| -> Vec<String> {
        let warnings = preview["warnings"].as_array().expect("warnings");
        let kind = |warning: &Value| warning["kind"].as_str().unwrap_or_default().to_owned();
        warnings.iter().map(kind).collect()
    };
    let disabled = with(daily(), &json!({ "enabled": false }));
    assert_eq!(change(&world, "/v1/schedules/daily", &disabled).await.status, 200);
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(kinds(&preview), ["disabled", "audience_empty"]);

    let s3 = json!({ "kind": "s3", "bucket": "files", "key": "k.csv", "format": "csv" });
    create(&world, "/v1/audiences/file", json!({ "source": s3 })).await;
    let once = json!({ "expression": "at(2026-03-02T10:30:00)", "audience": "file" });
    create(&world, "/v1/schedules/once", with(daily(), &once)).await;
    let preview = get(&world, "/v1/schedules/once/preview").await.body;
    assert_eq!(kinds(&preview), ["file_missing"]);
    assert_eq!(preview["audience"]["size"], Value::Null);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let preview = get(&world, "/v1/schedules/once/preview").await.body;
    assert_eq!(kinds(&preview), ["no_time", "file_missing"]);

    // The hours were changed after the schedule was saved.
    let early = json!({ "scheduled": { "from": "08:00", "to": "10:00" } });
    create(&world, "/v1/hours/stack", early).await;
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(preview["warnings"][2]["kind"], "outside_window");
    assert_eq!(preview["warnings"][2]["at"], "2026-03-03T11:00:00+09:00");
    assert_eq!(preview["warnings"][2]["until"], "2026-03-04T08:00:00+09:00");
}

#[tokio::test(start_paused = true)]
async fn a_preview_warns_of_a_paused_channel_and_of_a_strict_limit() {
    let mut settings = WorldSettings::default();
    settings.catalog =
        settings.catalog.replace("per_second: 40", "per_second: 40\n      strict: true");
    let world = World::new(settings).await;
    create(&world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    create(&world, "/v1/schedules/daily", daily()).await;
    let answer = upload(&world, "", CSV, "id,phone,name,code\na,01012340001,n,c\n").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(preview["warnings"][0]["kind"], "strict_limit", "{preview}");
    assert_eq!(preview["warnings"][1], Value::Null);
    let paused = world.operate("POST", "/v1/channels/alimtalk-main/pause", &[], "").await;
    assert_eq!(paused.status, 200, "{}", paused.body);
    let preview = get(&world, "/v1/schedules/daily/preview").await.body;
    assert_eq!(preview["warnings"][0]["kind"], "paused", "{preview}");
}
