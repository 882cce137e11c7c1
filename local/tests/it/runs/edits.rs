//! A schedule runs at the times that it had when each time came.

use std::time::Duration;

use alimi::domain::{Priority, Schedule};
use alimi::ports::Runs;

use super::daily::{
    BUCKET, FILE, delete, fire_at, plan, save, schedule, sweep_for, time, wait_until, world,
};
use super::members::{csv, ids, recipients};

#[tokio::test(start_paused = true)]
async fn an_edit_at_noon_moves_the_run_of_the_same_day_and_a_deletion_ends_the_runs() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("daily", "cron(0 14 * * ? *)")).await;
    world.start_schedules();
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    save(&world, schedule("daily", "cron(0 13 * * ? *)")).await;
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    delete(&world, "daily").await;
    tokio::time::sleep(Duration::from_secs(3 * 24 * 3600)).await;
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let times: Vec<_> = runs.iter().map(|run| run.key.scheduled_at).collect();
    // The schedule was deleted 24 hours after noon, before 13:00 of the next day.
    assert_eq!(times, [time("2026-03-02T13:00:00+09:00")]);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_is_moved_in_the_last_second_runs_at_its_new_time_only() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("daily", "cron(0 14 * * ? *)")).await;
    world.start_schedules();
    wait_until(&world, "2026-03-02T13:59:59+09:00").await;
    // The planner follows a little later than the row.
    let moved = schedule("daily", "cron(0 15 * * ? *)");
    world.store.put_schedule(&moved).await.expect("stored");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let two_oclock = time("2026-03-02T14:00:00+09:00");
    assert_eq!(fire_at(&world, "daily", two_oclock).await, "not_scheduled");
    plan(&world, "daily").await;
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let times: Vec<_> = runs.iter().map(|run| run.key.scheduled_at).collect();
    assert_eq!(times, [time("2026-03-02T15:00:00+09:00")]);
    assert_eq!(world.notifications().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_time_that_was_moved_away_stays_so_after_later_changes() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("daily", "cron(0 14 * * ? *)")).await;
    wait_until(&world, "2026-03-02T13:59:59+09:00").await;
    let moved = schedule("daily", "cron(0 15 * * ? *)");
    world.store.put_schedule(&moved).await.expect("stored");
    wait_until(&world, "2026-03-02T14:00:20+09:00").await;
    save(&world, Schedule { priority: Some(Priority(5)), ..moved }).await;
    // The scheduler may fire twice, and repeats a failed firing.
    wait_until(&world, "2026-03-02T14:00:40+09:00").await;
    let two_oclock = time("2026-03-02T14:00:00+09:00");
    assert_eq!(fire_at(&world, "daily", two_oclock).await, "not_scheduled");
    wait_until(&world, "2026-03-02T15:00:01+09:00").await;
    assert_eq!(fire_at(&world, "daily", two_oclock).await, "not_scheduled");
    assert_eq!(fire_at(&world, "daily", time("2026-03-02T15:00:00+09:00")).await, "ended");
    assert_eq!(recipients(&world), ids(2));
}

#[tokio::test(start_paused = true)]
async fn a_time_that_came_while_the_schedule_was_disabled_or_deleted_never_runs() {
    for is_deleted in [false, true] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(2));
        let daily = schedule("daily", "cron(0 14 * * ? *)");
        save(&world, daily.clone()).await;
        wait_until(&world, "2026-03-02T13:59:50+09:00").await;
        if is_deleted {
            delete(&world, "daily").await;
        } else {
            save(&world, Schedule { enabled: false, ..daily.clone() }).await;
        }
        wait_until(&world, "2026-03-02T14:30:00+09:00").await;
        save(&world, daily).await;
        let two_oclock = time("2026-03-02T14:00:00+09:00");
        assert_eq!(fire_at(&world, "daily", two_oclock).await, "not_scheduled");
        assert_eq!(sweep_for(&world, 5).await, 0);
        assert!(world.notifications().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_firing_on_its_way_when_the_schedule_changes_still_runs() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("daily", "cron(0 14 * * ? *)")).await;
    wait_until(&world, "2026-03-02T14:00:01+09:00").await;
    save(&world, schedule("daily", "cron(0 15 * * ? *)")).await;
    let two_oclock = time("2026-03-02T14:00:00+09:00");
    assert_eq!(fire_at(&world, "daily", two_oclock).await, "ended");
    assert_eq!(recipients(&world), ids(2));
}
