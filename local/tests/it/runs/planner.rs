//! EventBridge Scheduler holds what the catalog says, even after somebody changed it by hand.

use std::time::Duration;

use alimi::ports::{Repair, RepairPlaces, Scheduler};
use alimi_local::aws::embedded::DatabaseFault;
use alimi_planner::StreamEvent;
use serde_json::json;

use super::daily::{save, schedule, world};

#[tokio::test(start_paused = true)]
async fn drift_between_the_catalog_and_the_scheduler_is_repaired_within_ten_minutes() {
    let world = world().await;
    save(&world, schedule("weekly", "cron(0 11 ? * MON *)")).await;
    let scheduler = &world.stack.scheduler;
    let names = || async { scheduler.schedule_names().await.expect("the names") };
    assert_eq!(names().await, ["daily", "weekly"]);

    // Somebody deletes one schedule by hand, adds one and changes one.
    let weekly = scheduler.schedule("weekly").await.expect("read").expect("there");
    scheduler.remove_schedule("daily").await.expect("removed");
    let mut stray = weekly.planned.clone();
    stray.name = "stray".into();
    scheduler.put_schedule(&stray).await.expect("put");
    let mut changed = weekly.planned.clone();
    changed.enabled = false;
    scheduler.put_schedule(&changed).await.expect("put");

    let mut repaired = 0;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        repaired +=
            alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round").schedules_repaired;
    }
    assert_eq!(repaired, 3);
    assert_eq!(names().await, ["daily", "weekly"]);
    assert_eq!(scheduler.schedule("weekly").await.expect("read"), Some(weekly));
}

/// The schedules are compared every ten minutes, in the order of their names.
#[tokio::test(start_paused = true)]
async fn a_comparison_that_ran_out_of_time_goes_on_in_the_next_minute() {
    let world = world().await;
    let scheduler = &world.stack.scheduler;
    for name in ["annual", "weekly"] {
        save(&world, schedule(name, "cron(0 12 * * ? *)")).await;
        scheduler.remove_schedule(name).await.expect("removed");
    }
    let repair = Repair::ComparedSchedules;
    world.store.save_place(repair, Some("daily")).await.expect("stored");
    let repaired_in_a_minute = async || {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round").schedules_repaired
    };
    assert_eq!(repaired_in_a_minute().await, 1);
    assert_eq!(scheduler.schedule_names().await.expect("the names"), ["daily", "weekly"]);
    assert_eq!(world.store.place(repair).await.expect("read"), None);
    assert_eq!(repaired_in_a_minute().await, 0, "it is not the tenth minute");
    for _ in 3..10 {
        assert_eq!(repaired_in_a_minute().await, 0);
    }
    assert_eq!(repaired_in_a_minute().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_with_another_target_is_repaired() {
    let world = world().await;
    let ours = world.stack.scheduler.schedule("daily").await.expect("read").expect("there");
    world.stack.scheduler.tamper_with("daily");
    let tampered = world.stack.scheduler.schedule("daily").await.expect("read").expect("there");
    assert!(tampered.planned == ours.planned, "only the target differs");
    assert!(!tampered.is_ours);
    let repaired = world.stack.sweeper.planner.reconcile().await.expect("compared");
    assert_eq!(repaired.put, 1);
    assert_eq!(repaired.removed, 0);
    assert_eq!(repaired.failed, 0);
    assert_eq!(world.stack.scheduler.schedule("daily").await.expect("read"), Some(ours));
    let repaired = world.stack.sweeper.planner.reconcile().await.expect("compared");
    assert_eq!(repaired.put, 0);
}

/// The scheduler returns a schedule as it was put: without a flexible time window, without an end
/// date, and with the expression of the row.
#[tokio::test(start_paused = true)]
async fn a_schedule_that_was_just_put_shows_no_drift() {
    let world = world().await;
    save(&world, schedule("once", "at(2026-03-02T12:00:30)")).await;
    save(&world, schedule("hourly", "rate(1 hour)")).await;
    let compared = world.stack.sweeper.planner.reconcile().await.expect("compared");
    assert_eq!(compared.put, 0);
    assert_eq!(compared.removed, 0);
    assert_eq!(compared.failed, 0);
}

#[tokio::test(start_paused = true)]
async fn the_stream_is_retried_from_the_first_change_that_failed() {
    let world = world().await;
    let change = |kind: &str, name: &str, number: &str| {
        json!({ "dynamodb": {
            "Keys": { "kind": { "S": kind }, "name": { "S": name } }, "SequenceNumber": number,
        }})
    };
    let records = [
        change("template", "daily", "1"),
        change("schedule", "daily", "2"),
        change("schedule", "daily", "3"),
        change("schedule", "weekly", "4"),
        change("schedule", "monthly", "5"),
    ];
    let event: StreamEvent =
        serde_json::from_value(json!({ "Records": records })).expect("an event");
    world.faults.pass(1);
    (0..60).for_each(|_| world.faults.add(DatabaseFault::Refused));
    let answer = alimi_planner::handle(&world.stack.planner, event).await;
    let answer = serde_json::to_value(answer).expect("JSON");
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "4" }]));
}
