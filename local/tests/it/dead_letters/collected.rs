//! The observer records each dead letter once, with its cause.

use std::time::Duration;

use alimi::ports::DeadLetterQueue;
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::crash_point::CrashPoint;
use serde_json::json;

use super::{ROUND, collect, dead_run, listed, world};
use crate::captured_log::CapturedLog;

/// The wake queue gives a message up after five tries.
#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_wake_is_listed_with_its_tries() {
    let world = world().await;
    world.start_senders();
    world.queue.send("nobody#0", "no wake".into(), "d");
    tokio::time::sleep(Duration::from_secs(5 * 45)).await;
    assert_eq!(collect(&world).await.dead_letters_recorded, 1);
    let listed = listed(&world, "").await;
    let [letter] = &listed[..] else { panic!("{listed:?}") };
    let expected = json!({
        "id": letter["id"], "edge": "wakes", "state": "dead", "cause": "tried_too_often",
        "tries": 5, "error": "the message is no wake", "about": {},
        "sent_at": "2026-03-02T01:00:00Z", "recorded_at": letter["recorded_at"],
    });
    assert_eq!(*letter, expected);
    assert_eq!(world.stack.dead_letters.count(DeadLetterQueue::Wakes), 0);
    assert_eq!(world.meter.dead_letters(), [1]);
    // Nothing is left for the next round.
    assert_eq!(collect(&world).await.dead_letters_recorded, 0);
    assert_eq!(world.meter.dead_letters(), [1]);
}

/// The planner's changes are given up after an hour of failures.
#[tokio::test(start_paused = true)]
async fn changes_that_were_given_up_are_listed_and_need_nobody() {
    let world = world().await;
    let schedule = serde_json::from_value(json!({
        "name": "daily", "expression": "cron(0 10 * * ? *)", "template": "photo-and-video",
        "audience": "teachers",
    }));
    let schedule: alimi::domain::Schedule = schedule.expect("a schedule");
    world.store.put_schedule(&schedule).await.expect("stored");
    (0..1_000_000).for_each(|_| world.faults.add(DatabaseFault::Refused));
    world.start_stream_readers(Duration::from_secs(1), &CrashPoint::never());
    tokio::time::sleep(Duration::from_secs(3700)).await;
    world.faults.clear();
    assert_eq!(collect(&world).await.dead_letters_recorded, 1);
    let found = listed(&world, "?state=repaired").await;
    let [letter] = &found[..] else { panic!("{found:?}") };
    assert_eq!(letter["edge"], "changes");
    assert_eq!(letter["cause"], "changes_given_up");
    assert_eq!(letter["about"]["function"], "PlannerFunction");
    assert_eq!(letter["about"]["table"], "CatalogTable");
    assert!(letter["repaired_by"].as_str().is_some_and(|by| by.contains("the sweeper")));
    assert_eq!(listed(&world, "?state=dead").await.len(), 0);
    let refused = super::redrive(&world, letter).await;
    assert_eq!(refused.status, 409, "{}", refused.body);

    // What makes good for it: the sweeper compares the schedules.
    assert_eq!(world.stack.scheduler.writes(), 0);
    tokio::time::sleep(Duration::from_secs(600)).await;
    for _ in 0..10 {
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(world.stack.scheduler.writes(), 1);
}

/// The queue gives a message out again if the observer dies before it has removed the message.
#[tokio::test(start_paused = true)]
async fn the_observer_may_crash_at_any_await_and_records_each_letter_once() {
    for steps in 0.. {
        let world = world().await;
        dead_run(&world, "daily");
        dead_run(&world, "weekly");
        let crash = CrashPoint::after(steps);
        crash.run(alimi_observer::handle(&world.stack.observer, ROUND)).await;
        // Longer than a message is hidden after it was received.
        tokio::time::sleep(Duration::from_secs(31)).await;
        collect(&world).await;
        let found = listed(&world, "").await;
        assert_eq!(found.len(), 2, "after {steps} steps: {found:?}");
        assert_eq!(world.stack.dead_letters.count(DeadLetterQueue::Runs), 0);
        if !crash.was_reached() {
            assert!(steps > 4, "only {steps} crashes");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_ledger_cannot_be_written_letters_stay_in_their_queue() {
    let world = world().await;
    dead_run(&world, "daily");
    (0..1_000).for_each(|_| world.faults.add(DatabaseFault::Refused));
    let report = alimi_observer::handle(&world.stack.observer, ROUND).await;
    assert_eq!((report.dead_letters_recorded, report.queues_failed), (0, 1));
    assert_eq!(world.stack.dead_letters.count(DeadLetterQueue::Runs), 1);
    world.faults.clear();
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(collect(&world).await.dead_letters_recorded, 1);
}

/// A receipt holds a phone number.
#[tokio::test(start_paused = true)]
async fn neither_a_log_nor_a_list_shows_the_contents_of_a_letter() {
    let world = world().await;
    let log = CapturedLog::start();
    let body = json!({ "kind": "verified", "channel": "01098765432", "receipts": "01098765432" });
    let receipts = DeadLetterQueue::Receipts;
    world.stack.dead_letters.give_up(receipts, body.to_string(), [].into());
    collect(&world).await;
    let found = listed(&world, "").await;
    assert_eq!(found[0]["about"]["channel"], "***********32");
    for shown in [json!(found).to_string(), log.text()] {
        assert!(!shown.contains("98765432"), "{shown}");
    }
    assert!(log.text().contains("a message was given up"));
}
