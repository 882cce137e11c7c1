//! A step of a sequence is sent again or settled, and the later steps follow.

use alimi::domain::{Event, Notification, Status};
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::work::{apply, decide, drain, resend, resend_doubtful, step, world};
use crate::phone_numbers::NO_RECEIPT;
use crate::provider_receipts::{
    ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, SMS_UNDELIVERED, receive,
};

/// A step with two notifications. The first one is the gate.
pub fn pair() -> Value {
    let mut gate = step("photo-and-video");
    gate["gate"] = json!(true);
    json!({ "notifications": [gate, step("consultation-sms")] })
}

pub fn after_failure(mut step: Value) -> Value {
    step["after"] = json!("failed");
    step
}

/// The notifications of the world's only sequence, in the order of its steps, gates first.
pub fn notifications(world: &World) -> Vec<Notification> {
    let mut all: Vec<Notification> = world.notifications().into_values().collect();
    all.sort_by_key(|found| found.sequence_step.as_ref().map(|place| (place.step, !place.is_gate)));
    all
}

pub fn statuses(world: &World) -> Vec<Status> {
    notifications(world).iter().map(|found| found.status).collect()
}

/// A sequence whose first step has left. Its receipt is up to the test. Returns the id of the first
/// step's notification.
pub async fn with_first_step_sent(steps: Vec<Value>) -> (World, String) {
    let world = world().await;
    let body = json!({ "to": { "id": "t", "phone": NO_RECEIPT }, "steps": steps });
    let (status, answer) = world.produce("POST", "/v1/sequences", Some("s"), body).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(drain(&world).await, 1);
    let first = notifications(&world)[0].id.to_string();
    assert_eq!(world.notification(&first).await.status, Status::Accepted);
    (world, first)
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_is_sent_again_and_its_sequence_goes_on() {
    use Status::{Accepted, Blocked, Cancelled, Delivered, Failed, Queued};
    let steps = vec![step("photo-and-video"), pair(), step("consultation-start")];
    let (world, first) = with_first_step_sent(steps).await;
    receive(&world, &first, ALIMTALK_UNDELIVERED).await;
    assert_eq!(statuses(&world), [Failed, Cancelled, Cancelled, Cancelled]);

    assert_eq!(decide(&world, &first, "resend", resend()).await.status, 200);
    assert_eq!(statuses(&world), [Queued, Blocked, Blocked, Blocked]);
    assert_eq!(drain(&world).await, 1);
    receive(&world, &first, ALIMTALK_DELIVERED).await;
    assert_eq!(statuses(&world), [Delivered, Queued, Queued, Blocked]);
    assert_eq!(drain(&world).await, 2);
    let gate = notifications(&world)[1].id.to_string();
    receive(&world, &gate, ALIMTALK_DELIVERED).await;
    assert_eq!(statuses(&world), [Delivered, Delivered, Accepted, Queued]);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_again_cancels_the_later_ones_again() {
    use Status::{Cancelled, Failed, Queued};
    let (world, first) =
        with_first_step_sent(vec![step("photo-and-video"), step("consultation-sms")]).await;
    receive(&world, &first, ALIMTALK_UNDELIVERED).await;
    for attempt in 2..4 {
        assert_eq!(decide(&world, &first, "resend", resend()).await.status, 200);
        assert_eq!(statuses(&world)[0], Queued);
        assert_eq!(drain(&world).await, 1);
        assert_eq!(world.notification(&first).await.attempt, attempt);
        receive(&world, &first, ALIMTALK_UNDELIVERED).await;
        assert_eq!(statuses(&world), [Failed, Cancelled]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_waits_is_held_back_and_one_that_has_left_goes_on() {
    use Status::{Accepted, Blocked, Failed, Queued};
    for has_left in [false, true] {
        let steps = vec![step("photo-and-video"), after_failure(step("consultation-sms"))];
        let (world, first) = with_first_step_sent(steps).await;
        receive(&world, &first, ALIMTALK_UNDELIVERED).await;
        assert_eq!(statuses(&world), [Failed, Queued]);
        if has_left {
            assert_eq!(drain(&world).await, 1);
            let refused = decide(&world, &first, "resend", resend()).await;
            assert_eq!((refused.status, &refused.body["field"]), (409, &json!("may_double")));
            assert_eq!(statuses(&world), [Failed, Accepted]);
        }
        let terms = if has_left { resend_doubtful() } else { resend() };
        assert_eq!(decide(&world, &first, "resend", terms).await.status, 200);
        let fallback = if has_left { Accepted } else { Blocked };
        assert_eq!(statuses(&world), [Queued, fallback]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_expired_while_it_waited_is_not_sent_before_the_step_before_it() {
    let (world, first) =
        with_first_step_sent(vec![step("photo-and-video"), step("consultation-sms")]).await;
    let second = notifications(&world)[1].clone();
    let expires_at_ms = second.created_at_ms + 1;
    let expiring = Notification { expires_at_ms: Some(expires_at_ms), ..second.clone() };
    let saved = alimi::ports::Notifications::save(&*world.store, &mut [expiring]).await;
    assert_eq!(saved.expect("saved"), alimi::ports::Saved::Done);
    let second = second.id.to_string();
    apply(&world, &second, &Event::ExpiryChecked { at_ms: expires_at_ms }).await;

    let refused = decide(&world, &second, "resend", resend()).await;
    assert_eq!(refused.status, 409);
    let detail = refused.body["detail"].as_str().expect("a detail");
    assert!(detail.contains("the step before it"), "{detail}");
    receive(&world, &first, ALIMTALK_DELIVERED).await;
    assert_eq!(decide(&world, &second, "resend", resend()).await.status, 200);
    assert_eq!(drain(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn settling_a_step_releases_or_cancels_the_rest_as_its_receipt_would() {
    use Status::{Cancelled, Delivered, Failed, Queued};
    let steps = || {
        vec![
            step("photo-and-video"),
            after_failure(step("consultation-sms")),
            step("consultation-start"),
        ]
    };
    for (settled, report, expected) in [
        ("delivered", ALIMTALK_DELIVERED, [Delivered, Cancelled, Queued]),
        ("given_up", ALIMTALK_UNDELIVERED, [Failed, Queued, Status::Blocked]),
    ] {
        let (by_receipt, first) = with_first_step_sent(steps()).await;
        receive(&by_receipt, &first, report).await;
        assert_eq!(statuses(&by_receipt), expected);

        let (world, first) = with_first_step_sent(steps()).await;
        let deadline_ms = world.notification(&first).await.deadline_ms.expect("a deadline");
        apply(&world, &first, &Event::DeadlineChecked { at_ms: deadline_ms }).await;
        let body = json!({ "as": settled, "reason": "the person said so" });
        let answer = decide(&world, &first, "settle", body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(statuses(&world), expected, "{settled}");
        assert_eq!(drain(&world).await, 1, "the released step leaves");
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_went_on_unconfirmed_keeps_its_successor_back_when_it_is_sent_again() {
    use Status::{Blocked, Queued, Unconfirmed};
    let world = world().await;
    let body = json!({
        "to": { "id": "t", "phone": NO_RECEIPT },
        "on_unconfirmed": "continue",
        "steps": [step("photo-and-video"), step("consultation-start")],
    });
    assert_eq!(world.produce("POST", "/v1/sequences", Some("s"), body).await.0, 202);
    assert_eq!(drain(&world).await, 1);
    // The sweeper closes the deadline. No sender takes the second step yet.
    let deadline_ms = notifications(&world)[0].deadline_ms.expect("a deadline");
    let now_ms = alimi::ports::Clock::now_ms(&*world.clock);
    let wait_ms = u64::try_from(deadline_ms - now_ms).expect("later");
    tokio::time::sleep(std::time::Duration::from_millis(wait_ms + 1000)).await;
    world.stack.sweeper.sweeper.round().await.expect("a round");
    assert_eq!(statuses(&world), [Unconfirmed, Queued]);
    let first = notifications(&world)[0].id.to_string();
    assert_eq!(decide(&world, &first, "resend", resend_doubtful()).await.status, 200);
    assert_eq!(statuses(&world), [Queued, Blocked]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_gate_is_sent_again_alone() {
    use Status::{Delivered, Failed, Queued};
    let (world, first) = with_first_step_sent(vec![step("photo-and-video"), pair()]).await;
    receive(&world, &first, ALIMTALK_DELIVERED).await;
    assert_eq!(drain(&world).await, 2);
    let [_, gate, other] = notifications(&world).try_into().expect("three");
    receive(&world, gate.id.as_str(), ALIMTALK_DELIVERED).await;
    receive(&world, other.id.as_str(), SMS_UNDELIVERED).await;
    assert_eq!(statuses(&world), [Delivered, Delivered, Failed]);
    assert_eq!(decide(&world, other.id.as_str(), "resend", resend()).await.status, 200);
    assert_eq!(statuses(&world), [Delivered, Delivered, Queued]);
}
