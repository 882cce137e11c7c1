//! A channel sends failed messages again by itself, if an operator has set a policy.

use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::Notifications as _;
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::sequences::{after_failure, statuses, with_first_step_sent};
use super::work::{decide, drain, post_and_send, step, unconfirmed, world};
use crate::provider_receipts::{ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, receive};

const PATH: &str = "/v1/channels/alimtalk-main";

async fn set_policy(world: &World, resend: Value) {
    let mut channel = world.operate("GET", PATH, &[], "").await;
    channel.body["resend"] = resend;
    let etag = channel.etag.expect("an ETag");
    let changed = world.operate("PUT", PATH, &[("if-match", &etag)], channel.body).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
}

fn policy(at_most: u8, within: &str) -> Value {
    json!([{ "reason": "undelivered", "at_most": at_most, "within": within }])
}

/// A round of the sweeper a minute later.
async fn round(world: &World) {
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.stack.sweeper.resend_by_policy.round().await.expect("a round");
}

async fn undelivered(world: &World, key: &str) -> String {
    let id = post_and_send(world, key).await;
    receive(world, &id, ALIMTALK_UNDELIVERED).await;
    id
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_again_without_a_policy() {
    let world = world().await;
    let id = undelivered(&world, "k").await;
    round(&world).await;
    assert_eq!(world.notification(&id).await.status, Status::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_is_sent_again_as_often_as_the_policy_says() {
    let world = world().await;
    set_policy(&world, policy(2, "1h")).await;
    let id = undelivered(&world, "k").await;
    for resent in 1..=2 {
        round(&world).await;
        let waiting = world.notification(&id).await;
        assert_eq!((waiting.status, waiting.automatic_resends), (Status::Queued, resent));
        let decision = waiting.decisions.last().expect("a decision");
        assert_eq!((decision.kind.as_str(), decision.by.as_str()), ("resent_by_policy", "alimi"));
        // Another round at once does nothing.
        world.stack.sweeper.resend_by_policy.round().await.expect("a round");
        assert_eq!(world.notification(&id).await, waiting);
        assert_eq!(drain(&world).await, 1);
        receive(&world, &id, ALIMTALK_UNDELIVERED).await;
    }
    for _ in 0..3 {
        round(&world).await;
    }
    let given_up = world.notification(&id).await;
    assert_eq!((given_up.status, given_up.automatic_resends), (Status::Failed, 2));
}

#[tokio::test(start_paused = true)]
async fn an_old_failure_is_left_to_a_person() {
    let world = world().await;
    let id = undelivered(&world, "k").await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    set_policy(&world, policy(1, "10m")).await;
    round(&world).await;
    assert_eq!(world.notification(&id).await.status, Status::Failed);
    set_policy(&world, policy(1, "20m")).await;
    round(&world).await;
    assert_eq!(world.notification(&id).await.status, Status::Failed, "it was passed over");
    let later = undelivered(&world, "later").await;
    round(&world).await;
    assert_eq!(world.notification(&later).await.status, Status::Queued);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_arrived_or_was_settled_is_not_sent_again() {
    let world = world().await;
    set_policy(&world, policy(3, "24h")).await;
    let doubtful = unconfirmed(&world, "doubtful").await;
    let settled = undelivered(&world, "settled").await;
    let given_up = json!({ "as": "given_up", "reason": "another number" });
    assert_eq!(decide(&world, &settled, "settle", given_up).await.status, 200);
    let delivered = undelivered(&world, "delivered").await;
    receive(&world, &delivered, ALIMTALK_DELIVERED).await;
    let before = world.notifications();
    round(&world).await;
    assert_eq!(world.notifications(), before);
    assert_eq!(world.notification(&doubtful).await.status, Status::Unconfirmed);
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_fallback_has_left_is_left_to_a_person() {
    let steps = vec![step("photo-and-video"), after_failure(step("consultation-sms"))];
    let (world, first) = with_first_step_sent(steps).await;
    set_policy(&world, policy(3, "1h")).await;
    receive(&world, &first, ALIMTALK_UNDELIVERED).await;
    assert_eq!(drain(&world).await, 1);
    round(&world).await;
    assert_eq!(statuses(&world), [Status::Failed, Status::Accepted]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_may_crash_at_any_await_and_two_rounds_at_once_send_once() {
    use alimi_local::testing::crash_point::CrashPoint;
    for steps in 0.. {
        let world = world().await;
        set_policy(&world, policy(3, "1h")).await;
        let id = undelivered(&world, "k").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let crash = CrashPoint::after(steps);
        let policies = &world.stack.sweeper.resend_by_policy;
        crash.run(policies.round()).await;
        let (one, other) = futures::join!(policies.round(), policies.round());
        assert!(one.is_ok() && other.is_ok(), "after {steps} steps");
        let stored = world.store.load(&id.parse().expect("an id")).await.expect("read");
        let waiting = stored.expect("the notification");
        assert_eq!(waiting.status, Status::Queued, "after {steps} steps");
        assert_eq!(waiting.automatic_resends, 1, "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_with_a_wrong_policy_is_refused() {
    let world = world().await;
    let channel = world.operate("GET", PATH, &[], "").await;
    let etag = channel.etag.clone().expect("an ETag");
    for (policies, field) in [
        (json!([{ "reason": "no_receipt", "at_most": 1, "within": "1h" }]), "resend[0].reason"),
        (json!([{ "reason": "undelivered", "at_most": 9, "within": "1h" }]), "resend[0].at_most"),
        (json!([{ "reason": "undelivered", "at_most": 1, "within": "9d" }]), "resend[0].within"),
        (json!([{ "reason": "undelivered", "at_most": 1 }]), "resend[0].within"),
        (json!([{ "reason": "undelivered", "at_most": 1, "within": "1h", "x": 1 }]), "resend[0].x"),
    ] {
        let mut body = channel.body.clone();
        body["resend"] = policies;
        let answer = world.operate("PUT", PATH, &[("if-match", &etag)], body).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (422, Some(field)));
    }
}
