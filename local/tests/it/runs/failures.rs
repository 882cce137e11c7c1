//! A run that cannot read its audience or a document fails, says why, and does not start again.

use std::time::Duration;

use alimi::domain::Schedule;
use alimi::domain::run::{RunCounts, RunStatus};
use alimi::ports::{Changed, Document, Documents, Expected, Kind, Runs};
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{BEGINNING_MS, World};
use serde_json::json;

use super::daily::{
    BUCKET, FILE, MARGIN_FOR_ONE_PAGE, daily_run, fire, fire_with, key, save, schedule, settle,
    world,
};
use super::members::{csv, ids, recipients};

/// Changes the world, fires the schedule, and returns the status and the failure that the run ended
/// with.
async fn end_after(change: impl FnOnce(&World)) -> (RunStatus, String) {
    let world = world().await;
    change(&world);
    assert_eq!(fire(&world).await, "ended");
    let run = daily_run(&world).await;
    assert_eq!(fire(&world).await, "ended", "an ended run does not start again");
    assert_eq!(daily_run(&world).await, run);
    (run.status, run.failure.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_audience_fails_the_run_with_a_reason() {
    let (status, why) = end_after(|_| {}).await;
    assert_eq!(status, RunStatus::Failed);
    let missing = "the file s3://bucket/members.csv does not exist, or this stack may not read it";
    assert_eq!(why, missing);

    let truncated = |world: &World| world.stack.files.save_with_length(BUCKET, FILE, csv(2), 1_000);
    let (status, why) = end_after(truncated).await;
    assert_eq!(status, RunStatus::Failed);
    assert!(why.starts_with("the file is truncated: it ended after"), "{why}");

    let garbage = |world: &World| world.stack.files.save(BUCKET, FILE, vec![0xff; 3_000]);
    let (status, why) = end_after(garbage).await;
    assert_eq!(status, RunStatus::Failed);
    assert!(why.starts_with("the header line is not UTF-8"), "{why}");

    let empty = |world: &World| world.stack.files.save(BUCKET, FILE, "");
    let (status, why) = end_after(empty).await;
    assert_eq!(status, RunStatus::Failed);
    assert!(why.starts_with("the file is empty"), "{why}");

    for (status, advice) in [(301, "in the region of this stack"), (400, "a bucket that exists")] {
        let refused = |world: &World| world.stack.files.refuse(status);
        let (status, why) = end_after(refused).await;
        assert_eq!(status, RunStatus::Failed);
        assert!(why.contains(advice), "{why}");
    }

    let only_a_header = |world: &World| world.stack.files.save(BUCKET, FILE, "id,name\n");
    let (status, why) = end_after(only_a_header).await;
    assert_eq!(status, RunStatus::Finished, "no message leaves");
    assert_eq!(why, "");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_ends_inside_quotes_reports_its_last_line() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2) + "m00003,01012345678,\"김하나");
    fire(&world).await;
    let run = daily_run(&world).await;
    assert_eq!(run.status, RunStatus::Sending);
    assert_eq!(run.counts, RunCounts { members: 3, stored: 2, invalid: 1, duplicate: 0 });
    assert_eq!(run.faults[0].line, 4);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_it_is_read_fails_the_run_and_keeps_what_was_stored() {
    let mut world = world().await;
    world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
    world.stack.files.save(BUCKET, FILE, csv(10));
    fire(&world).await;
    world.stack.files.save(BUCKET, FILE, csv(20));
    settle(&world).await;
    let run = daily_run(&world).await;
    let why = "the file was changed or removed while it was read";
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(run.failure.as_deref(), Some(why));
    assert_eq!(run.counts, RunCounts { members: 3, stored: 3, invalid: 0, duplicate: 0 });
    assert_eq!(recipients(&world), ids(3));
}

#[tokio::test(start_paused = true)]
async fn a_missing_template_or_audience_fails_the_run_with_a_reason() {
    for (change, why) in [
        (json!({ "template": "none" }), "there is no template \"none\""),
        (json!({ "audience": "none" }), "there is no audience \"none\""),
    ] {
        let world = world().await;
        let mut changed =
            serde_json::to_value(schedule("daily", "cron(0 10 * * ? *)")).expect("JSON");
        for (name, value) in change.as_object().expect("an object") {
            changed[name] = value.clone();
        }
        save(&world, serde_json::from_value(changed).expect("a schedule")).await;
        assert_eq!(fire(&world).await, "ended");
        let run = daily_run(&world).await;
        assert_eq!(run.status, RunStatus::Failed);
        assert_eq!(run.failure.as_deref(), Some(why));
        assert_eq!(run.pins, None);
    }
}

/// A retry would not help: the run would be repeated for ever.
#[tokio::test(start_paused = true)]
async fn an_unreadable_document_fails_the_run_with_a_reason() {
    for (kind, name) in [
        (Kind::Schedule, "daily"),
        (Kind::Template, "photo-and-video"),
        (Kind::Audience, "all"),
        (Kind::Channel, "alimtalk-main"),
        (Kind::Hours, "stack"),
    ] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(2));
        let unreadable = Document {
            name: name.into(),
            revision: 0,
            body: Some(json!({ "window": 1, "scheduled": 1 })),
            changed_by: "test".into(),
            changed_at_ms: BEGINNING_MS - 1,
        };
        let saved = world.store.put_document(kind, &unreadable, Expected::Any).await;
        assert!(matches!(saved, Ok(Changed::Done(_))));
        if kind == Kind::Schedule {
            // For a while the run is only interrupted: an operator may correct the schedule.
            assert_eq!(fire(&world).await, "interrupted");
            assert_eq!(world.store.run(&key()).await.expect("the table"), None);
            tokio::time::sleep(Duration::from_secs(16 * 60)).await;
        }
        assert_eq!(fire(&world).await, "ended", "{kind:?}");
        let run = daily_run(&world).await;
        assert_eq!(run.status, RunStatus::Failed, "{kind:?}");
        let why = run.failure.clone().unwrap_or_default();
        let words = if kind == Kind::Template { "cannot be read" } else { "cannot be used" };
        assert!(why.contains(words), "{kind:?}: {why}");
        assert_eq!(fire(&world).await, "ended", "an ended run does not start again");
        assert_eq!(daily_run(&world).await, run);
        assert!(world.store.storing_runs(1).await.expect("the index").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_fails_when_its_schedule_is_disabled_before_the_run_pinned_anything() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    // The run is recorded, and the trigger crashes before it has read the documents.
    for steps in 1.. {
        fire_with(&world, &CrashPoint::after(steps)).await;
        if let Some(run) = world.store.run(&key()).await.expect("the table") {
            assert_eq!(run.pins, None);
            break;
        }
    }
    save(&world, Schedule { enabled: false, ..schedule("daily", "cron(0 10 * * ? *)") }).await;
    assert_eq!(fire(&world).await, "ended");
    let run = daily_run(&world).await;
    let why = Some("the schedule was disabled before the run began");
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(run.failure.as_deref(), why);
    assert!(world.notifications().is_empty());
}
