//! A dry run counts what a run would store, names the faults, and stores nothing.

use std::time::Duration;

use alimi_local::testing::world::{World, WorldSettings};
use serde_json::json;

use super::operator::{create, daily, scheduled_world, status_and_field};
use super::teachers::{CSV, lines, upload, world_with_members};

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_members_reports_faults_and_stores_nothing() {
    let world = scheduled_world().await;
    let empty = world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    assert_eq!(status_and_field(&empty), (422, "audience"));

    let long = "가".repeat(1001);
    let csv = format!("id,phone,name,code\na,01012340001,n,c\nb,,n,c\nc,01012340003,{long},c\n");
    assert_eq!(upload(&world, "", CSV, &csv).await.status, 200);
    let answer = world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = &answer.body;
    assert_eq!(body["members"], 3);
    assert_eq!(body["sendable"], 1);
    assert_eq!(body["invalid"], 2);
    assert_eq!(body["complete"], true);
    assert_eq!(body["faults"][0]["line"], 3);
    assert_eq!(body["faults"][0]["field"], "phone");
    assert_eq!(body["faults"][1]["field"], "variables");
    assert_eq!(body["scheduled_at"], "2026-03-02T02:00:00Z");

    assert_eq!(upload(&world, "", CSV, "id,phone\na,01012340001\n").await.status, 200);
    let answer = world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    assert_eq!(answer.body["faults"][0]["field"], "variables.name");
    assert!(world.notifications().is_empty());
    assert_eq!(world.queue.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_reads_every_page_and_can_start_after_a_member() {
    let world = world_with_members(1200).await;
    let answer = world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    assert_eq!(answer.body["members"], 1200);
    assert_eq!(answer.body["sendable"], 1200);
    // Only t999 comes after t998.
    let answer = world.operate("POST", "/v1/schedules/daily/dry-run?after=t998", &[], "").await;
    assert_eq!(answer.body["members"], 1);
    assert_eq!(answer.body["complete"], true);
}

#[tokio::test(start_paused = true)]
async fn a_long_dry_run_answers_in_parts_and_reports_only_the_first_faults() {
    let database_latency = Duration::from_secs(4);
    let world = World::new(WorldSettings { database_latency, ..WorldSettings::default() }).await;
    create(&world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    create(&world, "/v1/schedules/daily", daily()).await;
    let people = lines(1200, |n| format!("t{n:04},,n,c\n"));
    let answer = upload(&world, "", CSV, &format!("id,phone,name,code\n{people}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);

    let (mut members, mut parts, mut after) = (0, 0, String::new());
    loop {
        let path = format!("/v1/schedules/daily/dry-run{after}");
        let answer = world.operate("POST", &path, &[], "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        members += answer.body["members"].as_u64().expect("a number");
        parts += 1;
        assert_eq!(answer.body["invalid"], answer.body["members"]);
        assert_eq!(answer.body["faults"].as_array().map(Vec::len), Some(100));
        match answer.body["next"].as_str() {
            None => break,
            Some(next) => after = format!("?after={next}"),
        }
    }
    assert_eq!(members, 1200);
    assert_eq!(parts, 3);
}
