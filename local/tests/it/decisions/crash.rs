//! The console crashes at any await while an operator decides, and the repeated request completes the
//! decision once.

use std::time::Duration;

use alimi::domain::{Event, Status};
use alimi_local::testing::crash_point::CrashPoint;
use serde_json::json;

use super::sequences::{notifications, pair, statuses, with_first_step_sent};
use super::work::{CHANNEL, apply, decide_on, drain, etag, resend, step, store_exceptions, world};
use crate::provider_receipts::{ALIMTALK_UNDELIVERED, receive};

#[tokio::test(start_paused = true)]
async fn a_resend_may_crash_at_any_await_and_moves_all_steps_or_none() {
    use Status::{Blocked, Cancelled, Failed, Queued};
    for steps in 0.. {
        let (world, first) = with_first_step_sent(vec![step("photo-and-video"), pair()]).await;
        receive(&world, &first, ALIMTALK_UNDELIVERED).await;
        let read = etag(&world, &first).await;
        let crash = CrashPoint::after(steps);
        crash.run(decide_on(&world, &first, "resend", &read, resend())).await;
        let found = statuses(&world);
        assert!(
            found == [Failed, Cancelled, Cancelled] || found == [Queued, Blocked, Blocked],
            "after {steps} steps: {found:?}"
        );
        let was_done = found[0] == Queued;

        let repeated = decide_on(&world, &first, "resend", &read, resend()).await;
        assert_eq!(repeated.status, 200, "after {steps} steps: {}", repeated.body);
        assert_eq!(repeated.body["repeated"], was_done, "after {steps} steps");
        assert_eq!(statuses(&world), [Queued, Blocked, Blocked], "after {steps} steps");
        assert_eq!(notifications(&world)[0].decisions.len(), 1, "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            assert_eq!(drain(&world).await, 1);
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_settlement_may_crash_at_any_await_and_moves_all_steps_or_none() {
    use Status::{Blocked, Delivered, Queued, Unconfirmed};
    let body = || json!({ "as": "delivered", "reason": "the person said so" });
    for steps in 0.. {
        let (world, first) = with_first_step_sent(vec![step("photo-and-video"), pair()]).await;
        let deadline_ms = world.notification(&first).await.deadline_ms.expect("a deadline");
        apply(&world, &first, &Event::DeadlineChecked { at_ms: deadline_ms }).await;
        let read = etag(&world, &first).await;
        let crash = CrashPoint::after(steps);
        crash.run(decide_on(&world, &first, "settle", &read, body())).await;
        let found = statuses(&world);
        assert!(
            found == [Unconfirmed, Blocked, Blocked] || found == [Delivered, Queued, Queued],
            "after {steps} steps: {found:?}"
        );
        let repeated = decide_on(&world, &first, "settle", &read, body()).await;
        assert_eq!(repeated.status, 200, "after {steps} steps: {}", repeated.body);
        assert_eq!(statuses(&world), [Delivered, Queued, Queued], "after {steps} steps");
        assert_eq!(notifications(&world)[0].decisions.len(), 1, "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}

/// The sweeper goes on with the job, whether the operator repeats the request or not.
#[tokio::test(start_paused = true)]
async fn a_bulk_resend_may_crash_at_any_await_and_decides_about_each_once() {
    for steps in 0.. {
        let world = world().await;
        store_exceptions(&world, 5, Status::Failed).await;
        let dry_run = json!({ "filter": { "channel": CHANNEL }, "dry_run": true });
        let counted = world.operate("POST", "/v1/ops/resend", &[], dry_run).await.body;
        let body = json!({ "filter": counted["filter"], "expected": 5, "reason": "r" });
        let crash = CrashPoint::after(steps);
        crash.run(world.operate("POST", "/v1/ops/resend", &[], &body)).await;
        // The lease of the invocation that crashed ends.
        tokio::time::sleep(Duration::from_secs(40)).await;
        let repeated = world.operate("POST", "/v1/ops/resend", &[], &body).await;
        assert!(matches!(repeated.status, 200 | 202), "after {steps} steps: {}", repeated.body);
        assert_eq!(repeated.body["status"], "finished", "after {steps} steps");
        let counts = json!({ "done": 5, "gone": 0, "refused": 0, "unreadable": 0 });
        assert_eq!(repeated.body["counts"], counts, "after {steps} steps");
        let all = world.notifications();
        let queued = all.values().filter(|found| found.status == Status::Queued);
        assert_eq!(queued.count(), 5, "after {steps} steps");
        assert!(all.values().all(|found| found.decisions.len() == 1), "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 20, "only {steps} crashes");
            break;
        }
    }
}

/// The sweeper crashes in the middle of a job, and its next round goes on.
#[tokio::test(start_paused = true)]
async fn the_sweeper_may_crash_at_any_await_of_a_job() {
    use alimi::domain::ExceptionFilter;
    use alimi::domain::bulk_job::{BulkAct, BulkCounts, BulkJob, BulkStatus, BulkWish};
    use alimi::ports::{BulkJobs, Clock};
    for steps in (0..).step_by(2) {
        let world = world().await;
        store_exceptions(&world, 3, Status::Failed).await;
        let until_ms = Some(world.clock.now_ms() + 1);
        let filter =
            ExceptionFilter { channel: CHANNEL.into(), until_ms, ..ExceptionFilter::default() };
        let act = BulkAct::Resend { may_double: false };
        let wish = BulkWish { act, filter, expected: 3, reason: "r".into() };
        let job = BulkJob::begun(wish, "kim".into(), world.clock.now_ms(), 1);
        assert_eq!(world.store.create_job(&job).await.expect("stored"), None);
        let crash = CrashPoint::after(steps);
        crash.run(world.stack.sweeper.continue_bulk.round()).await;
        tokio::time::sleep(Duration::from_secs(40)).await;
        world.stack.sweeper.continue_bulk.round().await.expect("a round");
        let ended = world.store.job(&job.id).await.expect("read").expect("the job");
        assert_eq!(ended.status, BulkStatus::Finished, "after {steps} steps");
        let counts = BulkCounts { done: 3, ..BulkCounts::default() };
        assert_eq!(ended.counts, counts, "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}
