//! What holds a step of a sequence.

use alimi::domain::Status;
use alimi::ports::Clock;
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::{decisive, detail, kinds, leaves_from, ms, running_world, seconds, why};
use crate::phone_numbers::{FALLBACK, NO_RECEIPT};
use crate::provider_receipts::{ALIMTALK_DELIVERED, receive};

fn step(fields: &Value) -> Value {
    let mut step = json!({
        "template": "photo-and-video",
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    for (name, value) in fields.as_object().expect("an object") {
        step[name] = value.clone();
    }
    step
}

/// Posts a sequence to a phone number. Returns its id and those of its notifications.
async fn post_sequence(world: &World, phone: &str, steps: &[Value]) -> (String, Vec<String>) {
    let steps: Vec<Value> = steps.iter().map(step).collect();
    let body = json!({ "to": { "id": "t", "phone": phone }, "steps": steps });
    let (status, answer) = world.produce("POST", "/v1/sequences", Some("k"), body).await;
    assert_eq!(status, 202, "{answer}");
    let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    let steps = answer["steps"].as_array().expect("steps").iter();
    let notifications = steps.flat_map(|step| step["notifications"].as_array().expect("some"));
    (id(&answer), notifications.map(id).collect())
}

#[tokio::test(start_paused = true)]
async fn a_step_waits_for_the_receipt_of_the_step_before_it() {
    let world = running_world().await;
    let (_, ids) = post_sequence(&world, NO_RECEIPT, &[json!({}), json!({}), json!({})]).await;
    seconds(10).await;
    let first = world.notification(&ids[0]).await;
    assert_eq!(first.status, Status::Accepted);
    // Also the last step waits for the first one: the second one has not left its place.
    for id in &ids[1..] {
        let why = why(&world, id).await;
        let hold = decisive(&why, "predecessor");
        assert_eq!(kinds(&why), ["predecessor"]);
        assert_eq!(why.get("leaves_at"), None);
        assert_eq!(hold["notification"], ids[0]);
        assert_eq!((&hold["step"], &hold["status"]), (&json!(1), &json!("accepted")));
        assert_eq!(ms(&hold["since"]), first.status_since_ms);
        assert_eq!(Some(ms(&hold["confirm_by"])), first.deadline_ms);
        let beginning = format!(
            "It waits for the end of step 1 (notification {}), which is accepted since 2026-03-02T",
            ids[0]
        );
        assert!(detail(hold).starts_with(&beginning), "{}", detail(hold));
        assert!(detail(hold).contains(" Its receipt must come by "), "{}", detail(hold));
    }
    let received_ms = world.clock.now_ms();
    receive(&world, &ids[0], ALIMTALK_DELIVERED).await;
    seconds(5).await;
    let left_ms = super::left_ms(&world, &ids[1]).await.expect("it has left");
    assert!((received_ms..received_ms + 2_000).contains(&left_ms), "{left_ms}");
    // Now the last step waits for the second one.
    let last = why(&world, &ids[2]).await;
    assert_eq!(decisive(&last, "predecessor")["notification"], ids[1]);
}

#[tokio::test(start_paused = true)]
async fn a_step_behind_one_in_doubt_waits_for_a_person() {
    let world = running_world().await;
    let (_, ids) = post_sequence(&world, NO_RECEIPT, &[json!({}), json!({})]).await;
    seconds(32 * 60).await;
    let why = why(&world, &ids[1]).await;
    let hold = decisive(&why, "predecessor");
    assert_eq!(hold["status"], "unconfirmed");
    assert_eq!(hold.get("confirm_by"), None);
    assert!(detail(hold).ends_with("A late receipt or a person has to settle it."));
}

#[tokio::test(start_paused = true)]
async fn a_released_step_waits_for_its_delay() {
    let world = running_world().await;
    let steps = [json!({}), json!({ "after": "failed", "delay": "10m" })];
    let (_, ids) = post_sequence(&world, FALLBACK, &steps).await;
    seconds(30).await;
    assert_eq!(world.notification(&ids[0]).await.status, Status::Failed);
    let failed_ms = world.notification(&ids[0]).await.status_since_ms;
    let why = why(&world, &ids[1]).await;
    let hold = decisive(&why, "delay");
    assert_eq!(ms(&hold["until"]), failed_ms + 600_000);
    assert_eq!(why["leaves_at"], hold["until"]);
    super::until(&world, ms(&hold["until"]) + 3_000).await;
    let left_ms = super::left_ms(&world, &ids[1]).await.expect("it has left");
    assert!((0..2_000).contains(&(left_ms - ms(&hold["until"]))), "{left_ms}");
}

#[tokio::test(start_paused = true)]
async fn the_view_of_a_sequence_says_what_each_step_waits_for() {
    let world = running_world().await;
    let (id, ids) = post_sequence(&world, NO_RECEIPT, &[json!({}), json!({}), json!({})]).await;
    seconds(10).await;
    let (status, read) = world.produce("GET", &format!("/v1/sequences/{id}"), None, "").await;
    assert_eq!(status, 200, "{read}");
    let waiting = |index: usize| &read["steps"][index]["notifications"][0]["waiting_for"];
    assert_eq!(waiting(0)["kind"], "receipt", "{read:#}");
    for index in 1..3 {
        assert_eq!(waiting(index)["kind"], "predecessor", "{read:#}");
        assert_eq!(waiting(index)["notification"], ids[0]);
    }
    receive(&world, &ids[0], ALIMTALK_DELIVERED).await;
    let (_, read) = world.produce("GET", &format!("/v1/sequences/{id}"), None, "").await;
    let first = &read["steps"][0]["notifications"][0];
    assert_eq!(first["status"], "delivered");
    assert_eq!(first.get("waiting_for"), None, "{read:#}");
}

#[tokio::test(start_paused = true)]
async fn a_planned_sequence_waits_for_its_time() {
    let world = running_world().await;
    let at = "2026-03-02T10:30:00+09:00";
    let body = json!({
        "to": { "id": "t", "phone": "010-1234-5678" },
        "not_before": at, "steps": [step(&json!({})), step(&json!({}))],
    });
    let (status, made) = world.produce("POST", "/v1/sequences", Some("k"), body).await;
    assert_eq!(status, 202, "{made}");
    let id = made["steps"][0]["notifications"][0]["id"].as_str().expect("an id");
    let why = why(&world, id).await;
    assert_eq!(ms(&decisive(&why, "not_before")["until"]), ms(&json!(at)));
    leaves_from(&world, id, ms(&json!(at)), 2_000).await;
}
