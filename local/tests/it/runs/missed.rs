//! The sweeper finds times that were never fired, and handles them as `catch_up` says.

use std::time::Duration;

use alimi::domain::run::{RunCounts, RunStatus};
use alimi::domain::{Priority, Schedule};
use alimi::ports::{Changed, Document, Documents, Expected, Kind, Runs, Scheduler};
use alimi_local::testing::world::BEGINNING_MS;
use serde_json::json;

use super::daily::{
    BUCKET, FILE, daily_run, delete, fire, save, schedule, sweep_for, time, wait_until, world,
};
use super::members::{csv, ids, recipients};

#[tokio::test(start_paused = true)]
async fn a_time_that_was_missed_before_an_edit_runs_late() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    let daily = schedule("daily", "cron(5 10 * * ? *)");
    save(&world, daily.clone()).await;
    world.start_schedules();
    world.stack.scheduler.remove_schedule("daily").await.expect("removed");
    wait_until(&world, "2026-03-02T10:06:00+09:00").await;
    let edited = Schedule { priority: Some(Priority(5)), ..daily };
    world.store.put_schedule(&edited).await.expect("stored");
    assert_eq!(sweep_for(&world, 30).await, 1);
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let [run] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!(run.key.scheduled_at, time("2026-03-02T10:05:00+09:00"));
    assert_eq!(recipients(&world), ids(4));
}

#[tokio::test(start_paused = true)]
async fn of_several_missed_times_the_latest_runs_and_catch_up_decides_on_the_others() {
    for (catch_up, statuses) in [
        // 10:05 and 10:10 are too late and are left out. 10:30, the latest time, still runs.
        ("skip", &[RunStatus::Sending, RunStatus::Missed, RunStatus::Missed][..]),
        ("run", &[RunStatus::Sending][..]),
    ] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(2));
        let daily = schedule("daily", "cron(5,10,30 10 * * ? *)");
        let catch_up = serde_json::from_value(json!(catch_up)).expect("a policy");
        save(&world, Schedule { catch_up, ..daily }).await;
        world.stack.scheduler.remove_schedule("daily").await.expect("removed");
        wait_until(&world, "2026-03-02T10:40:00+09:00").await;
        world.start_schedules();
        assert_eq!(sweep_for(&world, 4).await, statuses.len());
        let runs = world.store.runs("daily", 10).await.expect("the runs");
        assert_eq!(runs.iter().map(|run| run.status).collect::<Vec<_>>(), statuses);
        assert_eq!(recipients(&world), ids(2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_that_the_scheduler_never_fired_runs_once() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    save(&world, schedule("daily", "cron(5 10 * * ? *)")).await;
    world.start_schedules();
    // Somebody removes the schedule by hand. Drift is repaired at 10:10 at the earliest, after the
    // time of the schedule.
    world.stack.scheduler.remove_schedule("daily").await.expect("removed");
    assert_eq!(sweep_for(&world, 30).await, 1);
    assert_eq!(world.stack.scheduler.schedule_names().await.expect("the names"), ["daily"]);
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let [run] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!(run.key.scheduled_at, time("2026-03-02T10:05:00+09:00"));
    let late_ms = run.started_at_ms - run.key.scheduled_at.as_millisecond();
    assert!((120_000..240_000).contains(&late_ms), "{late_ms} ms late");
    assert_eq!(run.status, RunStatus::Sending);
    assert_eq!(run.counts, RunCounts { members: 4, stored: 4, invalid: 0, duplicate: 0 });
    assert_eq!(recipients(&world), ids(4));
}

#[tokio::test(start_paused = true)]
async fn catch_up_decides_whether_a_missed_time_runs() {
    for (catch_up, status) in [("skip", RunStatus::Missed), ("run", RunStatus::Sending)] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(4));
        let daily = schedule("daily", "cron(5 10 * * ? *)");
        let catch_up = serde_json::from_value(json!(catch_up)).expect("a policy");
        save(&world, Schedule { catch_up, ..daily }).await;
        // For two hours nothing fires, and the sweeper does not run.
        world.stack.scheduler.remove_schedule("daily").await.expect("removed");
        tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
        world.start_schedules();
        assert_eq!(sweep_for(&world, 5).await, 1);
        let runs = world.store.runs("daily", 10).await.expect("the runs");
        let [run] = &runs[..] else { panic!("{runs:?}") };
        assert_eq!(run.status, status);
        let stored = if status == RunStatus::Missed { 0 } else { 4 };
        assert_eq!(world.notifications().len(), stored);
    }
}

#[tokio::test(start_paused = true)]
async fn catch_up_decides_whether_a_late_firing_runs() {
    for (catch_up, status) in [("skip", RunStatus::Missed), ("run", RunStatus::Sending)] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(4));
        let daily = schedule("daily", "cron(0 10 * * ? *)");
        let catch_up = serde_json::from_value(json!(catch_up)).expect("a policy");
        save(&world, Schedule { catch_up, ..daily }).await;
        tokio::time::sleep(Duration::from_secs(16 * 60)).await;
        assert_eq!(fire(&world).await, "ended");
        assert_eq!(daily_run(&world).await.status, status);
        let stored = if status == RunStatus::Missed { 0 } else { 4 };
        assert_eq!(world.notifications().len(), stored);
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_that_was_missed_more_than_a_day_ago_is_left_to_an_operator() {
    for (hours, asked) in [(23, 1), (25, 0)] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(2));
        delete(&world, "daily").await;
        save(&world, schedule("once", "at(2026-03-02T10:05:00)")).await;
        world.stack.scheduler.remove_schedule("once").await.expect("removed");
        tokio::time::sleep(Duration::from_secs(hours * 3600)).await;
        world.start_schedules();
        assert_eq!(sweep_for(&world, 3).await, asked, "{hours} hours later");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_schedule_does_not_hide_the_missed_times_of_others() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    let unreadable = Document {
        name: "a".into(),
        revision: 0,
        body: Some(json!({ "expression": 1 })),
        changed_by: "test".into(),
        changed_at_ms: BEGINNING_MS,
    };
    let saved = world.store.put_document(Kind::Schedule, &unreadable, Expected::Any).await;
    assert!(matches!(saved, Ok(Changed::Done(_))));
    save(&world, schedule("daily", "cron(5 10 * * ? *)")).await;
    world.stack.scheduler.remove_schedule("daily").await.expect("removed");
    world.start_schedules();
    assert_eq!(sweep_for(&world, 9).await, 1);
}

/// The trigger does not read the run queue here, so a time that is searched twice is requested twice.
#[tokio::test(start_paused = true)]
async fn a_sweeper_that_is_killed_in_its_search_is_succeeded_at_its_last_page() {
    const SCHEDULES: u64 = 450;
    const PAGE: u64 = 100;
    let world = world().await;
    delete(&world, "daily").await;
    for n in 0..SCHEDULES {
        let missed = schedule(&format!("s-{n:03}"), "cron(5 10 * * ? *)");
        world.store.put_schedule(&missed).await.expect("stored");
    }
    wait_until(&world, "2026-03-02T10:11:00+09:00").await;
    let requested = || world.stack.run_queue.sent();
    let sweeper = world.stack.sweeper.clone();
    let round = tokio::spawn(async move { sweeper.missed_times.round().await });
    while requested() < 2 * PAGE + 10 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    round.abort();
    assert!(round.await.is_err_and(|error| error.is_cancelled()));
    assert!(requested() < 3 * PAGE, "it had gone further");

    let rest = world.stack.sweeper.missed_times.round().await.expect("a round");
    assert_eq!(rest as u64, SCHEDULES - 2 * PAGE);
    // The rounds after that begin with the first schedule again.
    assert_eq!(world.stack.sweeper.missed_times.round().await.expect("a round") as u64, SCHEDULES);
    assert!(world.permissions.refused().is_empty());
}

#[tokio::test(start_paused = true)]
async fn times_before_a_schedule_existed_or_while_it_is_disabled_are_not_missed() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    world.stack.scheduler.remove_schedule("daily").await.expect("removed");
    let disabled = Schedule { enabled: false, ..schedule("off", "cron(5 10 * * ? *)") };
    save(&world, disabled).await;
    assert_eq!(sweep_for(&world, 30).await, 0);
}
