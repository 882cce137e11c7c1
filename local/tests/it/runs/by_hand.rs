//! An operator runs a schedule now, and cancels runs.

use std::time::Duration;

use alimi::domain::Status;
use alimi::domain::run::RunStatus;
use alimi::ports::{Clock, Runs};
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{Answer, SETTLES_WITHIN, World, operate};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::daily::{
    BUCKET, FILE, MARGIN_FOR_ONE_PAGE, daily_run, fire, key, save, schedule, settle, world,
};
use super::members::{ids, mixed, recipients, upload};

const RUN: &str = "/v1/schedules/daily/run";

fn now(world: &World) -> Timestamp {
    Timestamp::from_millisecond(world.clock.now_ms()).expect("a time")
}

async fn run_at(world: &World, at: Timestamp) -> Answer {
    world.operate("POST", RUN, &[], json!({ "at": at, "reason": "the list was late" })).await
}

async fn cancel(world: &World, id: &str) -> Answer {
    let path = format!("/v1/runs/{id}/cancel");
    world.operate("POST", &path, &[], json!({ "reason": "the wrong list" })).await
}

fn waiting(world: &World) -> usize {
    world.notifications().values().filter(|found| found.status.is_waiting()).count()
}

#[tokio::test(start_paused = true)]
async fn a_schedule_is_run_at_a_time_for_which_it_asks_for_no_run() {
    let world = world().await;
    upload(&world, "v1", 1..=10).await;
    // An hour after its own time, which was not fired.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    world.start_schedules();
    let at = now(&world);
    let began = run_at(&world, at).await;
    assert_eq!(began.status, 202, "{}", began.body);
    assert_eq!(began.body["by_hand"], json!({ "by": "local", "reason": "the list was late" }));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(recipients(&world), ids(10));
    // The same request is the same run.
    let again = run_at(&world, at).await;
    assert_eq!((again.status, &again.body["id"]), (200, &began.body["id"]));
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    assert_eq!(world.simulator.messages().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn two_operators_do_not_run_a_schedule_twice() {
    let world = world().await;
    upload(&world, "v1", 1..=3).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    world.start_schedules();
    let (one, other) = (now(&world), now(&world) - Duration::from_secs(2));
    let lee = world.stack.console_called_by(|_| Some("lee".to_owned()));
    let body = json!({ "at": other, "reason": "the list was late" }).to_string();
    let (kim, lee) = futures::join!(run_at(&world, one), operate(lee, "POST", RUN, &[], body));
    let statuses = [kim.status, lee.status];
    assert!(statuses == [409, 202] || statuses == [202, 409], "{} {}", kim.body, lee.body);
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(world.notifications().len(), 3);
    // Later they may.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(run_at(&world, now(&world)).await.status, 202);
}

/// One request of either is throttled and tried again, so the run with the earlier time may be stored
/// while the later one is searched for, requested, or at work.
#[tokio::test(start_paused = true)]
async fn only_one_of_two_runs_goes_on_however_their_requests_interleave() {
    for delayed in 0..30 {
        let world = world().await;
        upload(&world, "v1", 1..=3).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        world.start_schedules();
        let (later, earlier) = (now(&world), now(&world) - Duration::from_secs(2));
        let lee = world.stack.console_called_by(|_| Some("lee".to_owned()));
        let body = json!({ "at": earlier, "reason": "the list was late" }).to_string();
        world.faults.pass(delayed);
        world.faults.add(DatabaseFault::Refused);
        let second = operate(lee, "POST", RUN, &[], body);
        let (kim, lee) = futures::join!(run_at(&world, later), second);
        world.faults.clear();
        let statuses = [kim.status, lee.status];
        assert!(statuses == [409, 202] || statuses == [202, 409], "{delayed}: {statuses:?}");
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(world.notifications().len(), 3, "{delayed}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_run_is_refused() {
    let world = world().await;
    let hour = Duration::from_secs(3600);
    for (at, status, field) in [
        (json!(now(&world) - hour), 422, "at"),
        (json!(now(&world) + hour), 422, "at"),
        (json!("now"), 422, "at"),
        (Value::Null, 422, "at"),
    ] {
        let body = json!({ "at": at, "reason": "r" });
        let answer = world.operate("POST", RUN, &[], &body).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (status, Some(field)), "{body}");
    }
    let body = json!({ "at": now(&world), "reason": "" });
    let answer = world.operate("POST", RUN, &[], &body).await;
    assert_eq!((answer.status, &answer.body["field"]), (422, &json!("reason")));
    let body = json!({ "at": now(&world), "reason": "r" });
    let missing = world.operate("POST", "/v1/schedules/other/run", &[], &body).await;
    assert_eq!((missing.status, &missing.body["field"]), (404, &json!("name")));
    let mut disabled = schedule("daily", "cron(0 10 * * ? *)");
    disabled.enabled = false;
    save(&world, disabled).await;
    let answer = run_at(&world, now(&world)).await;
    assert_eq!((answer.status, &answer.body["field"]), (409, &json!("name")));
    for id in ["daily", "daily@2020-01-01T00:00:00Z", "daily@soon"] {
        assert_eq!(cancel(&world, id).await.status, 404, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_withdraws_what_has_not_left_and_nothing_else() {
    let world = world().await;
    upload(&world, "v1", 1..=10).await;
    fire(&world).await;
    settle(&world).await;
    let id = key().to_string();
    assert_eq!(waiting(&world), 10);
    let asked = cancel(&world, &id).await;
    assert_eq!((asked.status, &asked.body["status"]), (202, &json!("cancelling")));
    assert_eq!(asked.body["cancel"]["withdrawn"], 10);
    assert_eq!(waiting(&world), 0);
    // A last search comes when everything that was stored can be found.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
    assert_eq!(daily_run(&world).await.status, RunStatus::Cancelled);
    let again = cancel(&world, &id).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!("cancelled")));
    assert_eq!(again.body["cancel"]["by"], "local");
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_cannot_be_cancelled() {
    let world = world().await;
    upload(&world, "v1", 1..=3).await;
    fire(&world).await;
    settle(&world).await;
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
    assert_eq!(daily_run(&world).await.status, RunStatus::Finished);
    assert_eq!(cancel(&world, &key().to_string()).await.status, 409);
    assert!(world.notifications().values().all(|found| found.status == Status::Delivered));
}

/// The trigger is in the middle of a page when the operator cancels.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_while_it_stores_leaves_nothing_waiting() {
    let mut world = world().await;
    world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
    world.stack.files.save(BUCKET, FILE, mixed());
    let id = key().to_string();
    let cancelled = async {
        while world.store.run(&key()).await.expect("read").is_none_or(|run| run.pins.is_none()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancel(&world, &id).await
    };
    let (outcome, asked) = futures::join!(fire(&world), cancelled);
    assert_eq!(outcome, "held_elsewhere");
    assert_eq!(asked.status, 202, "{}", asked.body);
    world.start_schedules();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
    assert_eq!(daily_run(&world).await.status, RunStatus::Cancelled);
    let all = world.notifications();
    assert!(!all.is_empty(), "the page had begun");
    assert!(all.values().all(|found| found.status == Status::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_may_crash_at_any_await() {
    for steps in (0..).step_by(3) {
        let world = world().await;
        upload(&world, "v1", 1..=3).await;
        fire(&world).await;
        let id = key().to_string();
        let crash = CrashPoint::after(steps);
        crash.run(cancel(&world, &id)).await;
        assert!(matches!(cancel(&world, &id).await.status, 200 | 202), "after {steps} steps");
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(60)).await;
            world.stack.sweeper.cancel_runs.round().await.expect("a round");
        }
        assert_eq!(daily_run(&world).await.status, RunStatus::Cancelled, "after {steps} steps");
        assert_eq!(waiting(&world), 0, "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_to_run_may_crash_at_any_await_and_runs_once() {
    for steps in (0..).step_by(2) {
        let world = world().await;
        upload(&world, "v1", 1..=3).await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        world.start_schedules();
        let at = now(&world);
        let crash = CrashPoint::after(steps);
        crash.run(run_at(&world, at)).await;
        assert!(matches!(run_at(&world, at).await.status, 200 | 202), "after {steps} steps");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(world.notifications().len(), 3, "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_audit_records_of_a_run_by_hand_and_of_its_cancellation_have_the_whole_reason() {
    let world = world().await;
    upload(&world, "v1", 1..=3).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    world.start_schedules();
    let reason = "왜".repeat(500);
    let body = json!({ "at": now(&world), "reason": reason });
    let began = world.operate("POST", RUN, &[], body).await;
    assert_eq!(began.status, 202, "{}", began.body);
    let path = format!("/v1/runs/{}/cancel", began.body["id"].as_str().expect("an id"));
    let cancelled = world.operate("POST", &path, &[], json!({ "reason": reason })).await;
    assert!(matches!(cancelled.status, 200 | 202), "{}", cancelled.body);
    let records = world.operate("GET", "/v1/ops/audit?limit=500", &[], "").await.body;
    let records = records["items"].as_array().expect("records");
    for action in ["POST /v1/schedules/{name}/run", "POST /v1/runs/{id}/cancel"] {
        let record = records.iter().find(|record| record["action"] == action).expect("a record");
        assert_eq!(record["subject"]["reason"], reason.as_str(), "{action}");
    }
}
