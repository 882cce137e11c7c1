//! Queues and schedules that outlast the process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alimi::ports::{Clock, PlannedSchedule, Scheduler};
use alimi_local::aws::embedded::{self, StandInRows};
use alimi_local::aws::queue::LocalQueue;
use alimi_local::aws::receipt_queue::LocalReceiptQueue;
use alimi_local::aws::scheduler::LocalScheduler;
use alimi_local::stopping::Stop;
use alimi_local::testing::world::WorldClock;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::{SignedDuration, Timestamp};

fn rows() -> StandInRows {
    StandInRows::of(&embedded::database().expect("a database"))
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(WorldClock::new())
}

fn queue(rows: &StandInRows, clock: &Arc<dyn Clock>) -> Arc<LocalQueue> {
    Arc::new(LocalQueue::default().kept_in(rows, "wakes", clock).expect("the rows"))
}

/// Handles messages for a while, and returns their bodies. Those with the body `bad` fail.
async fn handle(queue: Arc<LocalQueue>, clock: Arc<dyn Clock>, time: Duration) -> Vec<String> {
    let bodies = Arc::new(Mutex::new(vec![]));
    let (stop, record) = (Stop::default(), bodies.clone());
    let handler = move |event: SqsEvent| {
        let body = event.records[0].body.clone().expect("a body");
        record.lock().expect("no panic").push(body.clone());
        async move { (body != "bad").then(SqsBatchResponse::default) }
    };
    let pump = tokio::spawn(queue.pump_until(clock, 2, handler, stop.stopping()));
    tokio::time::sleep(time).await;
    stop.request();
    pump.await.expect("no panic");
    let bodies = bodies.lock().expect("no panic");
    bodies.clone()
}

#[tokio::test(start_paused = true)]
async fn messages_that_were_not_handled_are_there_after_a_restart() {
    let (rows, clock) = (rows(), clock());
    let first = queue(&rows, &clock);
    for (group, body) in [("a", "1"), ("a", "2"), ("b", "bad")] {
        first.send(group, body.to_owned(), body);
    }
    drop(first);
    let second = queue(&rows, &clock);
    assert_eq!(second.waiting(), ["1", "2", "bad"]);
    let handled = handle(second, clock.clone(), Duration::from_secs(10)).await;
    assert_eq!(handled.len(), 3);
    let third = queue(&rows, &clock);
    assert_eq!(third.waiting(), ["bad"], "the others are done");
    third.send("a", "4".to_owned(), "4");
    assert_eq!(third.waiting(), ["bad", "4"], "a new message does not replace a kept one");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_failed_too_often_is_a_dead_letter_after_a_restart_too() {
    let (rows, clock) = (rows(), clock());
    let first = queue(&rows, &clock);
    first.send("a", "bad".to_owned(), "bad");
    let handled = handle(first, clock.clone(), Duration::from_secs(3_600)).await;
    assert_eq!(handled.len(), 5, "the limit of receives in template.yaml");
    let second = queue(&rows, &clock);
    assert!(second.is_empty());
    assert_eq!(second.dead_letters(), ["bad"]);
}

#[tokio::test(start_paused = true)]
async fn a_kept_message_of_a_standard_queue_blocks_no_new_one() {
    let (rows, clock) = (rows(), clock());
    let first = LocalReceiptQueue::kept_in(&rows, &clock).expect("the rows");
    first.send("bad".to_owned()).expect("sent");
    drop(first);
    let second = Arc::new(LocalReceiptQueue::kept_in(&rows, &clock).expect("the rows"));
    second.send("new".to_owned()).expect("sent");
    let (stop, bodies) = (Stop::default(), Arc::new(Mutex::new(vec![])));
    let record = bodies.clone();
    let handler = move |event: SqsEvent| {
        let body = event.records[0].body.clone().expect("a body");
        record.lock().expect("no panic").push(body.clone());
        async move { (body != "bad").then(SqsBatchResponse::default) }
    };
    let pump = tokio::spawn(second.pump_until(clock, 2, handler, stop.stopping()));
    tokio::time::sleep(Duration::from_secs(5)).await;
    stop.request();
    pump.await.expect("no panic");
    let mut bodies = bodies.lock().expect("no panic").clone();
    bodies.sort();
    assert_eq!(bodies, ["bad", "new"]);
}

fn planned(name: &str, expression: &str) -> PlannedSchedule {
    PlannedSchedule {
        name: name.to_owned(),
        expression: expression.to_owned(),
        timezone: "Asia/Seoul".to_owned(),
        enabled: true,
        starts_at: None,
        is_once: expression.starts_with("at("),
    }
}

/// The names of the schedules that fire within a while.
async fn fired(scheduler: LocalScheduler, time: Duration) -> Vec<String> {
    let fired = Arc::new(Mutex::new(vec![]));
    let (stop, record) = (Stop::default(), fired.clone());
    let invoke = move |input: serde_json::Value| {
        let name = input["schedule"].as_str().expect("a name").to_owned();
        record.lock().expect("no panic").push(name);
        async { true }
    };
    let firing = tokio::spawn(Arc::new(scheduler).run(invoke, stop.stopping()));
    tokio::time::sleep(time).await;
    stop.request();
    firing.await.expect("no panic");
    let fired = fired.lock().expect("no panic");
    fired.clone()
}

#[tokio::test(start_paused = true)]
async fn schedules_are_there_after_a_restart_and_fire_the_times_that_they_missed() {
    let (rows, clock) = (rows(), clock());
    let now = Timestamp::from_millisecond(clock.now_ms()).expect("a time");
    let first = LocalScheduler::kept_in(&rows, clock.clone()).expect("the rows");
    let soon = now + SignedDuration::from_mins(10);
    let at = soon.to_zoned(jiff::tz::TimeZone::get("Asia/Seoul").expect("a zone")).datetime();
    for schedule in [
        planned("once", &format!("at({at})")),
        planned("hourly", "rate(1 hour)"),
        planned("removed", "rate(1 hour)"),
    ] {
        first.put_schedule(&schedule).await.expect("stored");
    }
    first.remove_schedule("removed").await.expect("removed");
    drop(first);
    tokio::time::sleep(Duration::from_secs(90 * 60)).await;

    let second = LocalScheduler::kept_in(&rows, clock.clone()).expect("the rows");
    assert_eq!(second.schedule_names().await.expect("names"), ["hourly", "once"]);
    let mut missed = fired(second, Duration::from_secs(60)).await;
    missed.sort();
    assert_eq!(missed, ["hourly", "once"], "each missed time once");

    let third = LocalScheduler::kept_in(&rows, clock.clone()).expect("the rows");
    assert_eq!(third.schedule_names().await.expect("names"), ["hourly"], "once is over");
    assert!(fired(third, Duration::from_secs(60)).await.is_empty(), "nothing fires twice");
}

#[tokio::test(start_paused = true)]
async fn times_that_were_missed_long_ago_do_not_fire_any_more() {
    let (rows, clock) = (rows(), clock());
    let first = LocalScheduler::kept_in(&rows, clock.clone()).expect("the rows");
    first.put_schedule(&planned("hourly", "rate(1 hour)")).await.expect("stored");
    drop(first);
    tokio::time::sleep(Duration::from_secs(3 * 24 * 3_600 + 60)).await;
    let second = LocalScheduler::kept_in(&rows, clock).expect("the rows");
    let missed = fired(second, Duration::from_secs(60)).await.len();
    assert!((5..=7).contains(&missed), "those of six hours, as in template.yaml: {missed}");
}
