//! The schedule `daily`, which sends at 10:00 in Seoul: its world, its firings and its runs.

use std::time::Duration;

use alimi::domain::audience::AudienceSource;
use alimi::domain::audience::file::AudienceFormat;
use alimi::domain::run::Run;
use alimi::domain::{Audience, RunKey, Schedule};
use alimi::ports::{Changed, Clock, Documents, Expected, Kind, Runs};
use alimi_local::aws::scheduler::LocalScheduler;
use alimi_local::event_sources;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{BEGINNING_MS, World, WorldSettings};
use alimi_planner::StreamEvent;
use alimi_trigger::Answer;
use jiff::Timestamp;
use serde_json::json;

pub const BUCKET: &str = "bucket";
pub const FILE: &str = "members.csv";
pub const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// An invocation lasts 300 s (template.yaml). This margin leaves it time for one page only.
pub const MARGIN_FOR_ONE_PAGE: Duration = Duration::from_millis(299_999);

pub fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// The time when the world begins.
pub fn ten_oclock() -> Timestamp {
    Timestamp::from_millisecond(BEGINNING_MS).expect("a time")
}

pub fn key() -> RunKey {
    RunKey::new("daily", ten_oclock())
}

/// A world with the schedule `daily` for the members of a file, read in pages of three members.
pub async fn world() -> World {
    world_with(WorldSettings::default()).await
}

/// The same with other settings.
pub async fn world_with(settings: WorldSettings) -> World {
    let mut world = World::new(settings).await;
    world.stack.trigger.settings.page = 3;
    world.stack.trigger.settings.puts_per_second = None;
    let source =
        AudienceSource::S3 { bucket: BUCKET.into(), key: FILE.into(), format: AudienceFormat::Csv };
    world.store.put_audience(&Audience { name: "all".into(), source }).await.expect("stored");
    save(&world, schedule("daily", "cron(0 10 * * ? *)")).await;
    world
}

pub fn schedule(name: &str, expression: &str) -> Schedule {
    serde_json::from_value(json!({
        "name": name, "expression": expression, "template": "photo-and-video", "audience": "all",
    }))
    .expect("a schedule")
}

/// Saves a schedule and passes the change to the planner.
pub async fn save(world: &World, schedule: Schedule) {
    world.store.put_schedule(&schedule).await.expect("stored");
    plan(world, &schedule.name).await;
}

/// Deletes a schedule and passes the change to the planner.
pub async fn delete(world: &World, name: &str) {
    let expected = Expected::Any;
    let deleted =
        world.store.delete_document(Kind::Schedule, name, expected, "test", BEGINNING_MS).await;
    assert!(deleted.is_ok_and(|deleted| matches!(deleted, Changed::Done(_))));
    plan(world, name).await;
}

/// Passes the change of a schedule to the planner, as the table's stream does.
pub async fn plan(world: &World, name: &str) {
    let event: StreamEvent = serde_json::from_value(json!({ "Records": [{ "dynamodb": {
        "Keys": { "kind": { "S": "schedule" }, "name": { "S": name } },
        "SequenceNumber": "1",
    }}]}))
    .expect("an event");
    assert_eq!(alimi_planner::handle(&world.stack.planner, event).await.failures, []);
}

/// Fires the schedule. `None` when the trigger crashed.
pub async fn fire_with(world: &World, crash: &CrashPoint) -> Option<Answer> {
    let input = LocalScheduler::input("daily", ten_oclock());
    event_sources::invoke_trigger(&world.stack.trigger, crash, input).await
}

/// Fires the schedule and returns the outcome of its run.
pub async fn fire(world: &World) -> String {
    fire_at(world, "daily", ten_oclock()).await
}

pub async fn fire_at(world: &World, name: &str, at: Timestamp) -> String {
    let input = LocalScheduler::input(name, at);
    let trigger = &world.stack.trigger;
    let answer = event_sources::invoke_trigger(trigger, &CrashPoint::never(), input).await;
    let answer = serde_json::to_value(answer.expect("an answer")).expect("JSON");
    answer["outcome"].as_str().expect("an outcome").to_owned()
}

pub async fn daily_run(world: &World) -> Run {
    world.store.run(&key()).await.expect("the table").expect("a run")
}

/// Starts triggers on the run queue, and a round of the sweeper each minute, until every run has
/// stored its notifications.
pub async fn settle(world: &World) {
    world.start_schedules();
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
        if world.store.storing_runs(1).await.expect("the index").is_empty() {
            return;
        }
    }
    panic!("a run stores notifications after two hours: {:?}", daily_run(world).await);
}

/// Moves the clock to a time.
pub async fn wait_until(world: &World, then: &str) {
    let wait_ms = time(then).as_millisecond() - world.clock.now_ms();
    tokio::time::sleep(Duration::from_millis(u64::try_from(wait_ms).expect("ahead"))).await;
}

/// Lets minutes pass, with a round of the sweeper in each. Returns how many missed times the
/// sweeper found.
pub async fn sweep_for(world: &World, minutes: u64) -> usize {
    let mut missed = 0;
    for _ in 0..minutes {
        tokio::time::sleep(Duration::from_secs(60)).await;
        missed += alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round").times_missed;
    }
    missed
}
