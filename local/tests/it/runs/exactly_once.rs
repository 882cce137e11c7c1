//! A run stores one notification for each member, however often its schedule fires.

use std::time::Duration;

use alimi::domain::run::{RunCounts, RunStatus};
use alimi::domain::{Group, Priority, Producer, Schedule, Status};
use alimi::ports::{Runs, Scheduler, WindowClasses};
use alimi_local::aws::scheduler::SchedulerFaults;
use alimi_local::event_sources;
use alimi_local::testing::crash_point::CrashPoint;
use serde_json::{Value, json};

use super::daily::{
    BUCKET, FILE, FIVE_MINUTES, daily_run, fire, fire_at, key, save, schedule, ten_oclock, time,
    world,
};
use super::members::{check_mixed, csv, ids, mixed, recipients, upload};

#[tokio::test(start_paused = true)]
async fn a_run_stores_one_notification_per_member_of_a_file_and_of_an_upload() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(10));
    assert_eq!(fire(&world).await, "ended");
    let run = daily_run(&world).await;
    assert_eq!(run.status, RunStatus::Sending);
    assert_eq!(run.counts, RunCounts { members: 10, stored: 10, invalid: 0, duplicate: 0 });
    assert_eq!(recipients(&world), ids(10));
    for (id, notification) in world.notifications() {
        assert_eq!(id, key().notification_id(&notification.recipient.id));
        assert_eq!(notification.status, Status::Queued);
        assert_eq!(notification.priority, Priority(601));
        assert_eq!(notification.window_class.to_string(), "1000-1900@Asia/Seoul");
        // The schedule names no producer.
        assert_eq!(notification.owner, Producer::SCHEDULES);
        assert_eq!(notification.group, Some(Group::run(&key())));
    }
    // A sender reads only the window classes that are recorded for its lane.
    let classes = world.store.classes("alimtalk-main").await.expect("the classes");
    assert_eq!(
        classes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["1000-1900@Asia/Seoul"]
    );

    let world = self::world().await;
    upload(&world, "v1", 1..=10).await;
    assert_eq!(fire(&world).await, "ended");
    let counts = RunCounts { members: 10, stored: 10, invalid: 0, duplicate: 0 };
    assert_eq!(daily_run(&world).await.counts, counts);
    assert_eq!(recipients(&world), ids(10));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_fires_late_and_twice_runs_once() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(10));
    save(&world, schedule("daily", "cron(30 10 * * ? *)")).await;
    let faults =
        SchedulerFaults { again_after: Some(Duration::from_millis(3)), late_by: FIVE_MINUTES };
    world.stack.scheduler.set_faults(faults);
    world.start_schedules();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let [run] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!(run.key.scheduled_at, time("2026-03-02T10:30:00+09:00"));
    assert!(run.started_at_ms - run.key.scheduled_at.as_millisecond() >= 300_000);
    assert_eq!(run.status, RunStatus::Sending);
    assert_eq!(run.counts, RunCounts { members: 10, stored: 10, invalid: 0, duplicate: 0 });
    assert_eq!(recipients(&world), ids(10));

    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    assert_eq!(runs.len(), 2, "one run a day");
    assert_eq!(world.notifications().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn of_two_concurrent_invocations_one_runs_and_the_other_finds_the_run_held() {
    for behind_ms in (0..50).step_by(2) {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        let (one, two) = futures::join!(fire(&world), async {
            tokio::time::sleep(Duration::from_millis(behind_ms)).await;
            fire(&world).await
        });
        let mut outcomes = [one.as_str(), two.as_str()];
        // An invocation that starts 32 ms after the first one always finds the run held. An earlier
        // one may win the lease.
        if behind_ms < 32 {
            outcomes.sort_unstable();
        }
        assert_eq!(outcomes, ["ended", "held_elsewhere"], "{behind_ms} ms behind");
        check_mixed(&world, "after both invocations").await;
        assert_eq!(fire(&world).await, "ended", "a third invocation finds the run ended");
        check_mixed(&world, "after all three invocations").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_for_one_time_runs_once_and_leaves_the_scheduler() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("once", "at(2026-03-02T12:00:30)")).await;
    world.start_schedules();
    for _ in 0..24 * 60 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
    let runs = world.store.runs("once", 10).await.expect("the runs");
    assert_eq!(runs.len(), 1);
    assert_eq!(world.stack.scheduler.schedule_names().await.expect("the names"), ["daily"]);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_message_in_the_run_queue_is_retried_and_the_valid_one_runs() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    let body = serde_json::to_string(&key()).expect("JSON");
    let event = json!({ "Records": [
        { "messageId": "bad", "body": "{}" }, { "messageId": "good", "body": body },
    ]});
    let trigger = &world.stack.trigger;
    let answer = event_sources::invoke_trigger(trigger, &CrashPoint::never(), event).await;
    let answer: Value = serde_json::to_value(answer.expect("an answer")).expect("JSON");
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "bad" }]));
    assert_eq!(daily_run(&world).await.status, RunStatus::Sending);
}

#[tokio::test(start_paused = true)]
async fn a_firing_that_matches_no_enabled_schedule_leaves_no_record() {
    let world = world().await;
    assert_eq!(fire_at(&world, "no-such", ten_oclock()).await, "no_such_schedule");
    assert_eq!(fire_at(&world, "daily", time("2026-03-03T10:00:00+09:00")).await, "not_due");
    let disabled = Schedule { enabled: false, ..schedule("daily", "cron(0 10 * * ? *)") };
    save(&world, disabled).await;
    assert_eq!(fire(&world).await, "disabled");
    assert!(world.store.runs("daily", 10).await.expect("the runs").is_empty());
    assert_eq!(world.stack.run_queue.sent(), 0);
}
