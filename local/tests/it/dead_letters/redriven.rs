//! An operator has dead letters sent again to where they came from.

use std::time::Duration;

use alimi::ports::DeadLetterQueue;
use alimi_local::testing::world::{Answer, World, operate};
use serde_json::{Value, json};

use super::{collect, dead_run, listed, redrive, world};
use crate::console::operator::{create, daily};
use crate::console::teachers::{CSV, upload};

async fn redrive_edge(world: &World, body: Value) -> Answer {
    world.operate("POST", "/v1/ops/dead-letters/redrive", &[], body).await
}

/// A world with so many dead runs, which are listed.
async fn with_runs(count: usize) -> World {
    let world = world().await;
    (0..count).for_each(|index| dead_run(&world, &format!("s-{index}")));
    assert_eq!(collect(&world).await.dead_letters_recorded, count);
    world
}

#[tokio::test(start_paused = true)]
async fn a_dead_run_is_sent_again_and_makes_its_notifications() {
    let world = world().await;
    create(&world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    create(&world, "/v1/schedules/daily", daily()).await;
    upload(&world, "", CSV, "id,phone,name,code\na,01012345678,n,c\n").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    // EventBridge Scheduler could not reach the trigger at 11:00.
    let firing = json!({ "schedule": "daily", "scheduled_time": "2026-03-02T02:00:00Z" });
    let code = [("ERROR_CODE".to_owned(), "AccessDenied".to_owned())];
    let runs = DeadLetterQueue::Runs;
    world.stack.dead_letters.give_up(runs, firing.to_string(), code.into());
    collect(&world).await;
    let letter = listed(&world, "").await.remove(0);
    assert_eq!(letter["edge"], "firings");

    assert_eq!(redrive(&world, &letter).await.status, 200);
    world.start_schedules();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.notifications().len(), 1);
    assert_eq!(listed(&world, "?state=redriven").await.len(), 1);
    let again = redrive(&world, &letter).await;
    assert_eq!((again.status, &again.body["field"]), (409, &json!("id")));
    assert_eq!(world.stack.run_queue.sent(), 1);
}

/// A wake goes back in its own group, so that its lane stays one.
#[tokio::test(start_paused = true)]
async fn a_dead_wake_goes_back_in_its_group() {
    let world = world().await;
    let wakes = DeadLetterQueue::Wakes;
    let wake = json!({ "channel": "alimtalk-main" }).to_string();
    world.stack.dead_letters.give_up(wakes, wake.clone(), [].into());
    collect(&world).await;
    let letter = listed(&world, "").await.remove(0);
    assert_eq!(redrive(&world, &letter).await.status, 200);
    assert_eq!(world.queue.waiting(), [wake]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_given_up_again_is_another_letter() {
    let world = with_runs(1).await;
    let letter = listed(&world, "").await.remove(0);
    assert_eq!(redrive(&world, &letter).await.status, 200);
    // The run queue has it now, and gives it up as well.
    dead_run(&world, "s-0");
    collect(&world).await;
    let states: Vec<_> =
        listed(&world, "").await.iter().map(|letter| letter["state"].clone()).collect();
    assert_eq!(states, ["redriven", "dead"]);
}

#[tokio::test(start_paused = true)]
async fn all_letters_of_an_edge_are_sent_again_if_there_are_as_many_as_expected() {
    let world = with_runs(120).await;
    let counted = redrive_edge(&world, json!({ "edge": "runs", "dry_run": true })).await.body;
    assert_eq!(counted, json!({ "dry_run": true, "count": 120, "count_is_minimum": false }));
    assert_eq!(world.stack.run_queue.sent(), 0);
    let order =
        |expected: usize| json!({ "edge": "runs", "expected": expected, "reason": "mended" });
    let refused = redrive_edge(&world, order(119)).await;
    assert_eq!((refused.status, &refused.body["field"]), (409, &json!("expected")));
    assert!(refused.body["detail"].as_str().is_some_and(|text| text.contains("120 now")));
    assert_eq!(world.stack.run_queue.sent(), 0);

    let done = redrive_edge(&world, order(120)).await;
    assert_eq!(done.body, json!({ "dry_run": false, "redriven": 120, "left": 0 }));
    assert_eq!(world.stack.run_queue.sent(), 120);
    let none = redrive_edge(&world, json!({ "edge": "runs", "dry_run": true })).await.body;
    assert_eq!(none["count"], 0);
    // The record says how many.
    let records = world.operate("GET", "/v1/ops/audit?day=2026-03-02", &[], "").await.body;
    let records = records["items"].as_array().expect("items");
    let record = records.iter().find(|record| record["subject"]["redriven"] == "120");
    let record = record.expect("a record");
    assert_eq!(record["action"], "POST /v1/ops/dead-letters/redrive");
    assert_eq!(record["subject"]["edge"], "runs");
}

#[tokio::test(start_paused = true)]
async fn two_operators_at_the_same_moment_send_each_letter_once() {
    let world = with_runs(10).await;
    let order = json!({ "edge": "runs", "expected": 10, "reason": "mended" }).to_string();
    let by = |name: &'static str| {
        let console = world.stack.console_called_by(match name {
            "kim" => |_| Some("kim".to_owned()),
            _ => |_| Some("lee".to_owned()),
        });
        let path = "/v1/ops/dead-letters/redrive";
        operate(console, "POST", path, &[], order.clone())
    };
    let (kim, lee) = tokio::join!(by("kim"), by("lee"));
    let redriven = |answer: &Answer| answer.body["redriven"].as_u64().unwrap_or(0);
    assert_eq!(redriven(&kim) + redriven(&lee), 10, "{} {}", kim.body, lee.body);
    assert_eq!(world.stack.run_queue.sent(), 10);
}
