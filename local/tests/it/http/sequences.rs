//! Requests for sequences: what is refused, what an answer shows, and how a sequence is cancelled.

use std::time::Duration;

use alimi::domain::{Reason, Status};
use alimi::ports::WakeGroup;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::{Value, json};

use super::requests::{id, post, sequence, step, world};

const PATH: &str = "/v1/sequences";

/// A valid sequence of two steps, changed.
fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = sequence(&[step("consultation-start"), step("photo-and-video")]);
    change(&mut body);
    body
}

#[tokio::test(start_paused = true)]
async fn every_invalid_sequence_is_refused_with_the_field_at_fault_and_not_stored() {
    let world = world().await;
    let cases = [
        (changed(|b| b["steps"] = json!([])), "steps"),
        (changed(|b| b["steps"] = json!(vec![step("photo-and-video"); 91])), "steps"),
        (changed(|b| b["steps"] = json!(null)), "steps"),
        (changed(|b| b["steps"][1]["template"] = json!("nope")), "steps[1].template"),
        (changed(|b| b["steps"][1]["variables"] = json!({})), "steps[1].variables.name"),
        (changed(|b| b["steps"][0]["template"] = json!(1)), "steps[0].template"),
        (changed(|b| b["to"]["phone"] = json!("x")), "to.phone"),
        (changed(|b| b["on_failure"] = json!("skip")), "on_failure"),
        (changed(|b| b["on_unconfirmed"] = json!("halt")), "on_unconfirmed"),
        (changed(|b| b["confirm_within"] = json!("soon")), "confirm_within"),
        (changed(|b| b["confirm_within"] = json!("1s")), "confirm_within"),
        (changed(|b| b["confirm_within"] = json!("97h")), "confirm_within"),
        (changed(|b| b["priority"] = json!(10_000)), "priority"),
        (changed(|b| b["expires_at"] = json!("2026-03-02T01:00:00Z")), "expires_at"),
        (
            changed(|b| {
                b["not_before"] = json!("2026-03-03T01:00:00Z");
                b["expires_at"] = json!("2026-03-03T01:00:00Z");
            }),
            "expires_at",
        ),
        (
            changed(|b| {
                b["steps"][1]["delay"] = json!("10m");
                b["expires_at"] = json!("2026-03-02T01:10:00Z");
            }),
            "steps[1].delay",
        ),
        // The notifications of a sequence are listed by the sequence.
        (changed(|b| b["tag"] = json!("spring")), "tag"),
    ];
    for (index, (body, field)) in cases.into_iter().enumerate() {
        let key = format!("k{index}");
        let (status, problem) = world.produce("POST", PATH, Some(&key), &body).await;
        assert_eq!(status, 422, "{problem}");
        assert_eq!(problem["field"], field, "{problem}");
    }
    assert!(world.notifications().is_empty());
    assert!(world.stored().sequences.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_sequence_is_stored_once_and_read_with_its_steps() {
    let world = world().await;
    let valid = changed(|b| b["confirm_within"] = json!("90m"));
    let (status, made) = world.produce("POST", PATH, Some("k"), &valid).await;
    assert_eq!(status, 202, "{made}");
    let (status, replayed) = world.produce("POST", PATH, Some("k"), &valid).await;
    assert_eq!(status, 200);
    assert_eq!(replayed["id"], made["id"]);
    let other = changed(|b| b["to"]["id"] = json!("u"));
    let (status, problem) = world.produce("POST", PATH, Some("k"), &other).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "Idempotency-Key");
    assert_eq!(world.notifications().len(), 2);

    let (status, read) = world.produce("GET", &format!("{PATH}/{}", id(&made)), None, "").await;
    assert_eq!(status, 200);
    assert_eq!(read["on_failure"], "halt");
    assert_eq!(read["on_unconfirmed"], "wait");
    let [first, second] = [0, 1].map(|index| &read["steps"][index]["notifications"][0]);
    assert_eq!([&first["status"], &second["status"]], ["queued", "blocked"]);
    assert_eq!(second["sequence"]["step"], 2);
    assert_eq!(second["sequence"]["id"], made["id"]);
    assert_eq!(read["steps"][1]["gate"], second["id"]);
}

#[tokio::test(start_paused = true)]
async fn a_sequence_of_90_notifications_is_stored_whole_and_one_of_91_is_refused() {
    let world = world().await;
    let one = |is_gate: bool| {
        let mut one = step("photo-and-video");
        one["gate"] = json!(is_gate);
        one
    };
    // A step of many notifications, and many steps of one.
    let of_both = |together: usize, alone: usize| {
        let notifications: Vec<_> = (0..together).map(|place| one(place == 0)).collect();
        let mut steps = vec![json!({ "notifications": notifications })];
        steps.resize(1 + alone, step("photo-and-video"));
        sequence(&steps)
    };
    for (together, alone) in [(46, 45), (91, 0)] {
        let body = of_both(together, alone);
        let (status, problem) = world.produce("POST", PATH, Some("many"), &body).await;
        assert_eq!(status, 422, "{together} and {alone}: {problem}");
        assert_eq!(problem["field"], "steps");
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains("91 notifications; must have 1 to 90"), "{detail}");
    }
    assert!(world.stored().sequences.is_empty());
    let made = post(&world, PATH, "most", &of_both(45, 45)).await;
    assert_eq!(made["steps"].as_array().map(Vec::len), Some(46));
    assert_eq!(world.notifications().len(), 90);
}

/// The route that cancels a sequence.
fn cancel_path(made: &Value) -> String {
    format!("{PATH}/{}/cancel", id(made))
}

#[tokio::test(start_paused = true)]
async fn a_sequence_is_cancelled_whole_and_cancelling_it_again_changes_nothing() {
    let world = world().await;
    let two = json!({ "notifications": [
        { "template": "consultation-sms", "variables": { "name": "n", "date": "d" } },
        { "template": "photo-and-video", "variables": { "name": "n", "code": "c" }, "gate": true },
    ] });
    let steps = [step("consultation-start"), two, step("photo-and-video")];
    let made = post(&world, PATH, "k", &sequence(&steps)).await;
    let (status, cancelled) = world.produce("POST", &cancel_path(&made), None, "").await;
    assert_eq!(status, 200, "{cancelled}");
    let shown = cancelled["steps"].as_array().expect("steps").iter();
    let shown = shown.flat_map(|step| step["notifications"].as_array().expect("a list"));
    let statuses: Vec<_> = shown.map(|notification| &notification["status"]).collect();
    assert_eq!(statuses, ["cancelled"; 4]);
    let stored = world.notifications();
    assert_eq!(stored.len(), 4);
    assert!(stored.values().all(|notification| notification.status == Status::Cancelled));

    tokio::time::sleep(Duration::from_secs(60)).await;
    let (status, again) = world.produce("POST", &cancel_path(&made), None, "").await;
    assert_eq!(status, 200);
    assert_eq!(again, cancelled);
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    assert!(world.simulator.messages().is_empty(), "a cancelled message was sent");
}

#[tokio::test(start_paused = true)]
async fn what_has_left_stays_as_it_is_when_its_sequence_is_cancelled() {
    let simulator = SimulatorSettings {
        receipt_after: Duration::from_secs(600),
        ..SimulatorSettings::default()
    };
    let world = World::new(WorldSettings { simulator, ..WorldSettings::default() }).await;
    let steps = [step("consultation-start"), step("photo-and-video")];
    let made = post(&world, PATH, "k", &sequence(&steps)).await;
    world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await.expect("drained");
    let (status, answer) = world.produce("POST", &cancel_path(&made), None, "").await;
    assert_eq!(status, 200, "{answer}");
    let status_of = |step: usize| &answer["steps"][step]["notifications"][0]["status"];
    assert_eq!([status_of(0), status_of(1)], ["accepted", "cancelled"]);

    // The receipt of the first step comes. The second step is not released by it.
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    let stored = world.notifications();
    let of_step = |step: u8| {
        let is_it = |place: &alimi::domain::SequenceStep| place.step == step;
        let mut found = stored.values();
        found.find(|one| one.sequence_step.as_ref().is_some_and(is_it)).expect("a notification")
    };
    assert_eq!(of_step(0).status, Status::Delivered);
    assert_eq!(of_step(1).status, Status::Cancelled);
    assert_eq!(of_step(1).reason, Some(Reason::Requested));
    assert_eq!(world.simulator.messages().len(), 1);
}
