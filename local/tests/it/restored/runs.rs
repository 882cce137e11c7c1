//! A run whose messages the restored table does not have. The table of runs was not restored.

use std::time::Duration;

use alimi_local::event_sources;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::table::Snapshot;
use super::work::{pass, resume, reviewed, stop, world};

const CREATE: (&str, &str) = ("if-none-match", "*");
const CSV: (&str, &str) = ("content-type", "text/csv");

/// The schedule `daily`, which sends at 10:10 to two members.
async fn create_schedule(world: &World) {
    let schedule = json!({
        "expression": "cron(10 10 * * ? *)", "template": "photo-and-video", "audience": "all",
    });
    let audience = json!({ "source": { "kind": "members" } });
    let created = world.operate("PUT", "/v1/audiences/all", &[CREATE], audience).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let members = "id,phone,name,code\nm1,01012345678,n,c\nm2,01012345678,n,c\n";
    let uploaded = world.operate("POST", "/v1/audiences/all/members", &[CSV], members).await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.body);
    let created = world.operate("PUT", "/v1/schedules/daily", &[CREATE], schedule).await;
    assert_eq!(created.status, 201, "{}", created.body);
}

async fn fire(world: &World) {
    let firing = json!({ "schedule": "daily", "scheduled_time": "2026-03-02T01:10:00Z" });
    let no_crash = CrashPoint::never();
    let fired = event_sources::invoke_trigger(&world.stack.trigger, &no_crash, firing).await;
    assert!(fired.is_some(), "an answer");
}

async fn run(world: &World) -> Value {
    let runs = world.operate("GET", "/v1/schedules/daily/runs", &[], "").await;
    runs.body["items"][0].clone()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ended_in_the_lost_period_stores_and_sends_nothing_again() {
    let world = world().await;
    create_schedule(&world).await;
    let snapshot = Snapshot::take(&world);
    world.start_senders();
    pass(&world, 6).await;
    fire(&world).await;
    pass(&world, 5).await;
    let ended = run(&world).await;
    assert_eq!((&ended["status"], &ended["counts"]["stored"]), (&json!("finished"), &json!(2)));
    let sent = world.simulator.arrivals().len();

    stop(&world).await;
    snapshot.put_back(&world);
    assert_eq!(reviewed(&world, &snapshot.taken_at).await, (0, 0));
    resume(&world).await;
    fire(&world).await;
    pass(&world, 10).await;
    world.settle(Duration::from_secs(3600)).await;
    assert_eq!(world.notifications().len(), 0, "its messages are not stored again");
    assert_eq!(world.simulator.arrivals().len(), sent);
    assert_eq!(run(&world).await, ended);
}
