//! A trigger that crashes or freezes at any await, or loses any database answer, changes no result.

use std::time::Duration;

use alimi::domain::run::RunStatus;
use alimi::ports::Runs;
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::aws::scheduler::LocalScheduler;
use alimi_local::testing::crash_point::CrashPoint;

use super::daily::{
    BUCKET, FILE, FIVE_MINUTES, daily_run, fire, fire_with, key, settle, ten_oclock, world,
};
use super::members::{check_mixed, mixed};

/// How often the AWS client sends a request that keeps failing.
const TRIES: usize = alimi::aws::TRIES as usize;

/// After a crash Lambda repeats the invocation. If it does not, the sweeper finds the run.
#[tokio::test(start_paused = true)]
async fn the_trigger_may_crash_at_any_await() {
    for is_repeated in [true, false] {
        for steps in 0.. {
            let world = world().await;
            world.stack.files.save(BUCKET, FILE, mixed());
            let crash = CrashPoint::after(steps);
            let done = fire_with(&world, &crash).await;
            let has_begun = world.store.run(&key()).await.expect("the table").is_some();
            if done.is_none() && (is_repeated || !has_begun) {
                fire_with(&world, &CrashPoint::never()).await.expect("an answer");
            }
            settle(&world).await;
            check_mixed(&world, &format!("after {steps} steps")).await;
            if !crash.was_reached() {
                assert!(steps > 30, "only {steps} crashes");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_freezes_and_resumes_undoes_no_progress() {
    for steps in 0.. {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        let crash = CrashPoint::freeze_after(steps, Duration::from_secs(3600));
        let input = LocalScheduler::input("daily", ten_oclock());
        let frozen = crash.run(alimi_trigger::handle(&world.stack.trigger, input, FIVE_MINUTES));
        let (_, ended) = futures::join!(frozen, async {
            tokio::time::sleep(Duration::from_secs(65)).await;
            settle(&world).await;
            world.store.run(&key()).await.expect("the table")
        });
        // The trigger may have frozen before the run began: then the run exists only now.
        settle(&world).await;
        check_mixed(&world, &format!("after {steps} steps")).await;
        if let Some(ended) = ended {
            assert_eq!(daily_run(&world).await, ended, "after {steps} steps");
        }
        if !crash.was_reached() {
            assert!(steps > 30, "only {steps} freezes");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_any_database_request_may_be_lost() {
    for requests in 0..45 {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        world.faults.pass(requests);
        world.faults.add(DatabaseFault::AnswerLost);
        assert_eq!(fire(&world).await, "ended");
        check_mixed(&world, &format!("after {requests} requests")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_interrupted_by_a_database_outage_continues_by_itself() {
    for requests in 0.. {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        world.faults.pass(requests);
        (0..60).for_each(|_| world.faults.add(DatabaseFault::Failed));
        let outcome = fire(&world).await;
        world.faults.clear();
        if outcome != "interrupted" {
            assert!(requests > 20, "only {requests} requests");
            break;
        }
        assert_eq!(world.stack.run_queue.sent(), 1, "the run queue holds the run");
        settle(&world).await;
        check_mixed(&world, &format!("after {requests} requests")).await;
    }
}

/// The database refuses one request as often as the client repeats it, and then recovers.
#[tokio::test(start_paused = true)]
async fn an_interrupted_run_gives_its_lease_back() {
    let mut freed = 0;
    for requests in 0..60 {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        world.faults.pass(requests);
        (0..TRIES).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let outcome = fire(&world).await;
        world.faults.clear();
        let Some(run) = world.store.run(&key()).await.expect("the table") else { continue };
        if outcome == "interrupted" {
            assert_eq!(run.lease_until_ms, None, "after {requests} requests");
            freed += usize::from(run.pins.is_some());
        }
        settle(&world).await;
        check_mixed(&world, &format!("after {requests} requests")).await;
    }
    assert!(freed > 2, "only {freed} interrupted runs had been leased");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_before_its_first_page_is_recorded_and_resumed() {
    for requests in 0.. {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        world.faults.pass(requests);
        (0..60).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let outcome = fire(&world).await;
        assert_eq!(outcome, "interrupted", "no run was recorded before its first page");
        world.faults.clear();
        let Some(run) = world.store.run(&key()).await.expect("the table") else { continue };
        assert_eq!(run.status, RunStatus::Storing);
        assert_eq!(run.pins, None);
        assert_eq!(run.lease_until_ms, None);
        // Nothing reads the run queue yet, so the sweeper has to find the run by its record.
        let swept = alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
        assert_eq!(swept.runs_resumed, 1);
        settle(&world).await;
        check_mixed(&world, "resumed").await;
        return;
    }
}
