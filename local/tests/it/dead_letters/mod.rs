//! Messages between functions that were given up: they are listed, and an operator has them sent again.

mod collected;
mod crashes;
mod lists;
mod redriven;

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::ports::DeadLetterQueue;
use alimi_local::testing::world::{Answer, World, WorldSettings};
use alimi_observer::Report;
use serde_json::{Value, json};

const ROUND: Duration = Duration::from_secs(50);

async fn world() -> World {
    World::new(WorldSettings::default()).await
}

/// One round of the observer.
pub async fn collect(world: &World) -> Report {
    let report = alimi_observer::handle(&world.stack.observer, ROUND).await;
    assert_eq!(report.queues_failed, 0);
    report
}

/// The dead letters of a list.
pub async fn listed(world: &World, query: &str) -> Vec<Value> {
    let answer = world.operate("GET", &format!("/v1/ops/dead-letters{query}"), &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["items"].as_array().cloned().expect("items")
}

/// Has a listed dead letter sent again.
pub async fn redrive(world: &World, letter: &Value) -> Answer {
    let id = letter["id"].as_str().expect("an id");
    let path = format!("/v1/ops/dead-letters/{id}/redrive");
    world.operate("POST", &path, &[], json!({ "reason": "mended" })).await
}

/// A message of the run queue that was given up.
fn dead_run(world: &World, schedule: &str) {
    let run = json!({ "schedule": schedule, "scheduled_at": "2026-03-02T01:00:00Z" });
    world.stack.dead_letters.give_up(DeadLetterQueue::Runs, run.to_string(), BTreeMap::new());
}
