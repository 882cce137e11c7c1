//! A run is over when its last message is, however its messages end.

use std::time::Duration;

use alimi::domain::RunKey;
use alimi::domain::run::RunStatus;
use alimi::ports::{Clock, Runs, Saved};
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::database_usage::DatabaseUsage;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::Value;

use super::daily::{
    BUCKET, FILE, daily_run, fire, fire_at, save, schedule, ten_oclock, world, world_with,
};
use super::members::csv;
use crate::phone_numbers::NO_RECEIPT;

const A_MINUTE: Duration = Duration::from_secs(60);

/// The latest run, as an operator sees it.
async fn shown(world: &World) -> Value {
    let answer = world.operate("GET", "/v1/schedules/daily/runs", &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["items"][0].clone()
}

fn status_and_open(run: &Value) -> (&str, Option<u64>) {
    (run["status"].as_str().expect("a status"), run["open"].as_u64())
}

/// One round of the sweeper. Returns how many runs it finished.
async fn sweep(world: &World) -> usize {
    alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round").runs_finished
}

#[tokio::test(start_paused = true)]
async fn a_run_is_sending_until_its_last_message_has_ended() {
    let world = world().await;
    let one_without_receipt = csv(4).replacen("01012345678", NO_RECEIPT, 1);
    world.stack.files.save(BUCKET, FILE, one_without_receipt);
    assert_eq!(fire(&world).await, "ended");
    let stored = shown(&world).await;
    assert_eq!(status_and_open(&stored), ("sending", Some(4)));
    assert_eq!(stored["open_is_minimum"], false);
    assert!(stored["stored_at"].is_string() && stored["ended_at"].is_null(), "{stored}");
    assert_eq!(sweep(&world).await, 0);

    world.start_senders();
    tokio::time::sleep(A_MINUTE).await;
    for _ in 0..2 {
        assert_eq!(sweep(&world).await, 0);
        assert_eq!(status_and_open(&shown(&world).await), ("sending", Some(1)));
        tokio::time::sleep(A_MINUTE).await;
    }
    // The channel waits for a receipt for half an hour. The message is then up to a person.
    tokio::time::sleep(30 * A_MINUTE).await;
    let closed_from_ms = world.clock.now_ms();
    assert_eq!(sweep(&world).await + sweep(&world).await, 1);
    let over = shown(&world).await;
    assert_eq!(status_and_open(&over), ("finished", None));
    assert_eq!(over["stored_at"], stored["stored_at"]);
    let run = daily_run(&world).await;
    assert_eq!(run.status, RunStatus::Finished);
    let after_ms = run.ended_at_ms.expect("an end") - closed_from_ms;
    assert!((0..60_000).contains(&after_ms), "it ended {after_ms} ms after the round began");
    assert!(world.store.sending_runs(None, 1).await.expect("the index").is_empty());
    assert_eq!(sweep(&world).await, 0);
}

/// The sweeper needs no round for that: whoever looks sees it.
#[tokio::test(start_paused = true)]
async fn an_operator_sees_at_once_that_a_run_is_over() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    fire(&world).await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let over = shown(&world).await;
    assert_eq!(status_and_open(&over), ("finished", None));
    assert!(over["ended_at"].as_str() > over["stored_at"].as_str(), "{over}");
    assert_eq!(daily_run(&world).await.status, RunStatus::Sending, "only the sweeper stores it");
    assert_eq!(sweep(&world).await, 1);
    assert_eq!(shown(&world).await["ended_at"], over["ended_at"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_messages_still_leave_is_no_overlap_for_the_next_run() {
    let world = world().await;
    save(&world, schedule("daily", "cron(0-1 10 * * ? *)")).await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    assert_eq!(fire(&world).await, "ended");
    assert_eq!(daily_run(&world).await.status, RunStatus::Sending);
    let later = ten_oclock() + A_MINUTE;
    tokio::time::sleep(A_MINUTE).await;
    assert_eq!(fire_at(&world, "daily", later).await, "ended");
    let run = world.store.run(&RunKey::new("daily", later)).await.expect("read").expect("a run");
    assert_eq!(run.overlaps, None);
}

#[tokio::test(start_paused = true)]
async fn the_open_messages_of_a_large_run_are_counted_in_part() {
    const MEMBERS: u64 = 1_200;
    let mut world = world().await;
    world.stack.trigger.settings.page = 500;
    world.stack.files.save(BUCKET, FILE, csv(1_200));
    assert_eq!(fire(&world).await, "ended");
    let run = shown(&world).await;
    assert_eq!(run["open_is_minimum"], true);
    let (status, open) = status_and_open(&run);
    assert_eq!(status, "sending");
    assert!(open.is_some_and(|open| (1_000..MEMBERS).contains(&open)), "{run}");
}

/// Each round of the sweeper goes on behind the messages that are known to have ended.
#[tokio::test(start_paused = true)]
async fn the_sweeper_reads_each_message_of_a_run_about_once() {
    const MEMBERS: usize = 400;
    let database_usage = DatabaseUsage::default();
    let settings =
        WorldSettings { database_usage: database_usage.clone(), ..WorldSettings::default() };
    let mut world = world_with(settings).await;
    world.stack.trigger.settings.page = 200;
    world.stack.files.save(BUCKET, FILE, csv(MEMBERS));
    assert_eq!(fire(&world).await, "ended");
    world.start_senders();
    let mut rounds = 0;
    while world.stack.sweeper.finish_runs.round().await.expect("a round") == 0 {
        assert!(rounds < 20, "the run does not end");
        tokio::time::sleep(Duration::from_secs(3)).await;
        rounds += 1;
    }
    assert!(rounds > 2, "it ended within {rounds} rounds");
    let batches = database_usage.by_operation()["BatchGetItem"];
    // A round reads ten messages first, and then pages of a hundred.
    let page_ends = 2 * (rounds + 1);
    assert!(batches.requests <= MEMBERS as u64 / 100 + page_ends, "{batches:?} in {rounds} rounds");
    assert_eq!(status_and_open(&shown(&world).await), ("finished", None));
}

#[tokio::test(start_paused = true)]
async fn a_round_that_fails_or_meets_another_round_finishes_the_run_once() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    fire(&world).await;
    world.start_senders();
    tokio::time::sleep(A_MINUTE).await;
    let finish_runs = world.stack.sweeper.finish_runs.clone();
    (0..60).for_each(|_| world.faults.add(DatabaseFault::Refused));
    assert!(finish_runs.round().await.is_err());
    world.faults.clear();
    assert_eq!(daily_run(&world).await.status, RunStatus::Sending);

    let before = daily_run(&world).await;
    let (one, other) = futures::join!(finish_runs.round(), finish_runs.round());
    // Both may make the same write, and each takes it for its own.
    assert!((1..=2).contains(&(one.expect("a round") + other.expect("a round"))));
    let run = daily_run(&world).await;
    assert_eq!((run.status, run.fence), (RunStatus::Finished, before.fence + 1));
    // A round that read the run before, and that found less, comes too late.
    let mut late = before.clone();
    late.fence += 1;
    let saved = world.store.save_run(&late, before.fence).await.expect("an answer");
    assert_eq!(saved, Saved::Conflict);
    assert_eq!(daily_run(&world).await, run);
}
