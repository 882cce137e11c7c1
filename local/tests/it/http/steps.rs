//! The steps of a sequence's request: their gates, what they wait for, and for how long.

use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::requests::{post, sequence, step, world};

const PATH: &str = "/v1/sequences";

/// A step with two notifications.
fn two(first: &Value, second: &Value) -> Value {
    json!({ "notifications": [first, second] })
}

/// One notification of a step; without `gate` if that is null.
fn one(gate: &Value) -> Value {
    let mut one = step("photo-and-video");
    if !gate.is_null() {
        one["gate"] = gate.clone();
    }
    one
}

/// A step with members added.
fn with(mut step: Value, members: &Value) -> Value {
    if let (Value::Object(step), Value::Object(members)) = (&mut step, members) {
        step.extend(members.clone());
    }
    step
}

/// Posts a sequence of these steps, which must be refused, and checks the field at fault.
async fn refused(world: &World, steps: &[Value], field: &str) -> Value {
    let body = sequence(steps);
    let (status, problem) = world.produce("POST", PATH, Some("k"), &body).await;
    assert_eq!(status, 422, "{steps:?}: {problem}");
    assert_eq!(problem["field"], field, "{steps:?}: {problem}");
    assert!(world.stored().sequences.is_empty());
    assert!(world.notifications().is_empty());
    problem
}

#[tokio::test(start_paused = true)]
async fn a_step_with_two_gates_or_without_a_gate_is_refused_with_its_place() {
    let world = world().await;
    let (is_gate, is_not) = (one(&json!(true)), one(&json!(false)));
    for (step_of_two, gates) in [
        (two(&is_gate, &is_gate), "2 notifications with gate: true"),
        (two(&is_not, &is_not), "0 notifications with gate: true"),
        (two(&one(&Value::Null), &one(&Value::Null)), "0 notifications with gate: true"),
    ] {
        let problem = refused(&world, &[step("photo-and-video"), step_of_two], "steps[1]").await;
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains(gates), "{detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_a_step_of_several_notifications_is_named_by_its_path() {
    let world = world().await;
    let gate = one(&json!(true));
    let second = |members: &Value| two(&gate, &with(step("photo-and-video"), members));
    for (faulty, field) in [
        (json!({}), "steps[1].template"),
        (json!({ "notifications": [] }), "steps[1].notifications"),
        (json!({ "notifications": {} }), "steps[1].notifications"),
        (with(two(&gate, &one(&Value::Null)), &json!({ "template": "t" })), "steps[1].template"),
        (with(two(&gate, &one(&Value::Null)), &json!({ "variables": {} })), "steps[1].variables"),
        (with(step("photo-and-video"), &json!({ "tag": "spring" })), "steps[1].tag"),
        (second(&json!({ "template": "nope" })), "steps[1].notifications[1].template"),
        (second(&json!({ "channel": "nowhere" })), "steps[1].notifications[1].channel"),
        (second(&json!({ "variables": {} })), "steps[1].notifications[1].variables.name"),
        (second(&json!({ "data": 7 })), "steps[1].notifications[1].data"),
        (second(&json!({ "gate": "yes" })), "steps[1].notifications[1].gate"),
        (second(&json!({ "delay": "1m" })), "steps[1].notifications[1].delay"),
    ] {
        refused(&world, &[step("photo-and-video"), faulty], field).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_step_waits_for_nothing_and_a_later_one_for_30_days_at_most() {
    let world = world().await;
    let plain = step("photo-and-video");
    for (first, field) in [
        (json!({ "after": "failed" }), "steps[0].after"),
        (json!({ "after": "finished" }), "steps[0].after"),
        (json!({ "delay": "10m" }), "steps[0].delay"),
    ] {
        refused(&world, &[with(plain.clone(), &first), plain.clone()], field).await;
    }
    for (later, field) in [
        (json!({ "after": "cancelled" }), "steps[1].after"),
        (json!({ "delay": "721h" }), "steps[1].delay"),
        (json!({ "delay": "soon" }), "steps[1].delay"),
    ] {
        refused(&world, &[plain.clone(), with(plain.clone(), &later)], field).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_shows_the_gate_of_each_step_and_what_a_later_step_waits_for() {
    let world = world().await;
    let waiting = json!({ "after": "failed", "delay": "10m" });
    let later = with(two(&one(&json!(false)), &one(&json!(true))), &waiting);
    let steps = [step("consultation-start"), later, step("photo-and-video")];
    let made = post(&world, PATH, "k", &sequence(&steps)).await;
    let [first, second, third] = [0, 1, 2].map(|index| &made["steps"][index]);
    // Nothing is before the first step.
    assert_eq!([first.get("after"), first.get("delay")], [None, None], "{first}");
    assert_eq!(first["gate"], first["notifications"][0]["id"]);
    assert_eq!([&second["after"], &second["delay"]], ["failed", "PT10M"]);
    assert_eq!(second["gate"], second["notifications"][1]["id"]);
    assert_eq!([&third["after"], &third["delay"]], ["delivered", "PT0S"]);
    let statuses = [0, 1].map(|place| &second["notifications"][place]["status"]);
    assert_eq!(statuses, ["blocked"; 2]);
}
