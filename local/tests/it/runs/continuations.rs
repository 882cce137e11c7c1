//! A run that needs more than one invocation continues with the data that it began with.

use std::collections::BTreeSet;
use std::time::Duration;

use alimi::domain::run::{RunCounts, RunStatus};
use alimi::domain::{Alimtalk, Content};
use alimi::ports::{Catalog, Members, Runs, Saved};
use alimi_local::testing::world::{BEGINNING_MS, SETTLES_WITHIN};

use super::daily::{BUCKET, FILE, MARGIN_FOR_ONE_PAGE, daily_run, delete, fire, settle, world};
use super::members::{check_mixed, ids, mixed, recipients, upload};

#[tokio::test(start_paused = true)]
async fn a_run_continues_in_other_invocations_when_the_time_of_one_is_over() {
    let mut world = world().await;
    world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
    world.stack.files.save(BUCKET, FILE, mixed());
    assert_eq!(fire(&world).await, "to_be_continued");
    let run = daily_run(&world).await;
    assert_eq!(run.status, RunStatus::Storing);
    assert_eq!(run.counts.members, 3);
    assert_eq!(run.lease_until_ms, None);
    assert_eq!(world.stack.run_queue.sent(), 1);
    world.start_schedules();
    tokio::time::sleep(Duration::from_secs(2)).await;
    check_mixed(&world, "after two seconds").await;
    assert_eq!(world.stack.run_queue.sent(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_sweeper_resumes_a_run_whose_continuation_was_lost() {
    let mut world = world().await;
    world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
    world.stack.files.save(BUCKET, FILE, mixed());
    fire(&world).await;
    assert_eq!(alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round").runs_resumed, 1);
    assert_eq!(world.stack.run_queue.sent(), 2);
    // The sweeper leaves a run alone while a trigger holds its lease.
    let mut held = daily_run(&world).await;
    held.lease_until_ms = Some(BEGINNING_MS + 3_600_000);
    held.fence += 1;
    let saved = world.store.save_run(&held, held.fence - 1).await.expect("the table");
    assert_eq!(saved, Saved::Done);
    assert_eq!(alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round").runs_resumed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_keeps_the_template_and_the_upload_that_it_began_with() {
    let mut world = world().await;
    world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
    upload(&world, "v1", 1..=10).await;
    assert_eq!(fire(&world).await, "to_be_continued");

    upload(&world, "v2", 5..=20).await;
    let template = world.store.template("photo-and-video").await.expect("read").expect("there");
    let mut changed = template.document.clone();
    changed.variants[0].content = Content::Alimtalk(Alimtalk {
        code: "PHOTO_VIDEO_02".into(),
        body: "다른 말".into(),
        buttons: vec![],
        fallback: None,
    });
    world.store.put_template(&changed).await.expect("stored");
    delete(&world, "daily").await;

    settle(&world).await;
    let run = daily_run(&world).await;
    assert_eq!(run.status, RunStatus::Sending);
    assert_eq!(run.counts, RunCounts { members: 10, stored: 10, invalid: 0, duplicate: 0 });
    let pins = run.pins.expect("pins");
    assert_eq!(pins.template_revision, 1);
    assert_eq!(pins.template, template.document);
    assert_eq!(recipients(&world), ids(10));
    assert!(world.notifications().values().all(|n| n.template_revision == 1));
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    let shown: Vec<String> =
        world.simulator.messages().into_iter().map(|message| message.shown.text).collect();
    assert_eq!(shown.len(), 10);
    let bodies: BTreeSet<String> = shown.into_iter().collect();
    assert!(bodies.len() == 1 && !bodies.contains("다른 말"), "{bodies:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_fails_when_its_upload_is_discarded_meanwhile() {
    let mut world = world().await;
    world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
    upload(&world, "v1", 1..=10).await;
    fire(&world).await;
    world.store.discard_members("all", "v1", 100).await.expect("discarded");
    settle(&world).await;
    let run = daily_run(&world).await;
    let why = "only 3 of the upload's 10 members could be read: the upload was discarded";
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!(run.failure.as_deref(), Some(why));
}
