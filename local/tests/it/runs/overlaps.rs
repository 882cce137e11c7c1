//! A run notes the earlier run of its schedule that is still unfinished.

use std::time::Duration;

use alimi::domain::RunKey;
use alimi::domain::run::{RunCounts, RunStatus};
use alimi::ports::Runs;
use alimi_local::aws::scheduler::LocalScheduler;
use alimi_local::event_sources;
use alimi_local::testing::crash_point::CrashPoint;
use serde_json::json;

use super::daily::{
    BUCKET, FILE, MARGIN_FOR_ONE_PAGE, daily_run, fire, fire_at, save, schedule, settle,
    ten_oclock, world,
};
use super::members::csv;

#[tokio::test(start_paused = true)]
async fn a_run_notes_that_an_earlier_run_is_unfinished() {
    let mut world = world().await;
    save(&world, schedule("daily", "cron(0-1 10 * * ? *)")).await;
    world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
    world.stack.files.save(BUCKET, FILE, csv(10));
    fire(&world).await;
    let later = ten_oclock() + Duration::from_secs(60);
    assert_eq!(fire_at(&world, "daily", later).await, "to_be_continued");
    settle(&world).await;
    let run = world.store.run(&RunKey::new("daily", later)).await.expect("read").expect("a run");
    assert_eq!(run.status, RunStatus::Sending);
    assert_eq!(run.overlaps, Some(ten_oclock()));
    assert_eq!(daily_run(&world).await.overlaps, None);
    assert_eq!(world.notifications().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_earlier_run_does_not_stop_a_run() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    let unreadable = json!({ "TableName": "RunsTable", "Item": {
        "schedule": { "S": "daily" }, "scheduled_at": { "S": "2026-03-01T01:00:00Z" },
    }});
    let unreadable = serde_json::from_value(unreadable).expect("a request");
    world.database.put_item(unreadable).expect("stored");
    assert_eq!(fire(&world).await, "ended");
    let run = daily_run(&world).await;
    assert_eq!(run.status, RunStatus::Sending);
    assert_eq!(run.counts, RunCounts { members: 4, stored: 4, invalid: 0, duplicate: 0 });
}

/// The unfinished run is older than the runs that a trigger reads for its schedule.
#[tokio::test(start_paused = true)]
async fn a_run_notes_an_old_unfinished_run_behind_many_finished_ones() {
    let mut world = world().await;
    save(&world, schedule("daily", "cron(0-10 10 * * ? *)")).await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let margin = world.stack.trigger.settings.margin;
    world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
    assert_eq!(fire(&world).await, "to_be_continued");
    world.stack.trigger.settings.margin = margin;
    for minute in 1..=8 {
        let at = ten_oclock() + Duration::from_secs(60 * minute);
        assert_eq!(fire_at(&world, "daily", at).await, "ended");
        let run = world.store.run(&RunKey::new("daily", at)).await.expect("read");
        assert_eq!(run.expect("a run").overlaps, Some(ten_oclock()), "10:{minute:02}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_overlap_stays_noted_after_a_crash_and_after_the_earlier_run_ended() {
    let later = ten_oclock() + Duration::from_secs(60);
    let second = RunKey::new("daily", later);
    for steps in 0.. {
        let mut world = world().await;
        save(&world, schedule("daily", "cron(0-1 10 * * ? *)")).await;
        world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
        world.stack.files.save(BUCKET, FILE, csv(4));
        assert_eq!(fire(&world).await, "to_be_continued");
        let crash = CrashPoint::after(steps);
        let input = LocalScheduler::input("daily", later);
        let answer = event_sources::invoke_trigger(&world.stack.trigger, &crash, input).await;
        assert!(answer.is_none(), "the overlap was not noted before the first page");
        let crashed = world.store.run(&second).await.expect("the table");
        let Some(crashed) = crashed.filter(|run| run.overlaps.is_some()) else { continue };
        assert_eq!(crashed.cursor, None, "the overlap was noted only with a page");
        assert_eq!(crashed.counts.members, 0, "the overlap was noted only with a page");
        assert_eq!(fire(&world).await, "ended");
        settle(&world).await;
        let run = world.store.run(&second).await.expect("the table").expect("a run");
        assert_eq!(run.status, RunStatus::Sending);
        assert_eq!(run.overlaps, Some(ten_oclock()));
        return;
    }
}
