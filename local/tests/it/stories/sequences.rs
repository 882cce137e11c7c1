//! The second step of a sequence leaves only after the first one was delivered.

use alimi::domain::Status;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::json;

use super::producer::{LIMIT, SequenceEnd, arrivals_us, post_one, post_sequence, sequence_end};
use crate::phone_numbers::{DELIVERED, NO_RECEIPT, REJECTED, UNDELIVERED};

#[tokio::test(start_paused = true)]
async fn step_two_leaves_only_after_the_receipt_that_step_one_was_delivered() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let (first, second) = post_sequence(&world, "k", DELIVERED).await;

    assert_eq!(world.notification(&first).await.status, Status::Queued);
    assert_eq!(world.notification(&second).await.status, Status::Blocked);

    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert_eq!(world.notification(&first).await.status, Status::Delivered);
    assert_eq!(world.notification(&second).await.status, Status::Delivered);

    let receipts = world.simulator.accepted_receipts();
    assert!(arrivals_us(&world, &first)[0] < receipts[0].at_us);
    assert!(arrivals_us(&world, &second)[0] > receipts[0].at_us);
}

#[tokio::test(start_paused = true)]
async fn when_step_one_is_undelivered_step_two_is_never_sent() {
    let end = SequenceEnd { first: Status::Failed, second: Status::Cancelled, arrivals: 1 };
    assert_eq!(sequence_end(UNDELIVERED).await, end);
}

#[tokio::test(start_paused = true)]
async fn when_step_one_is_rejected_step_two_is_never_sent() {
    let end = SequenceEnd { first: Status::Failed, second: Status::Cancelled, arrivals: 1 };
    assert_eq!(sequence_end(REJECTED).await, end);
}

#[tokio::test(start_paused = true)]
async fn a_late_receipt_continues_a_sequence_whose_first_step_was_unconfirmed() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let (first, second) = post_sequence(&world, "k", NO_RECEIPT).await;
    world.settle(SETTLES_WITHIN).await;
    let waiting = world.notification(&first).await;
    assert_eq!(waiting.status, Status::Unconfirmed);

    let receipt = json!({
        "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01090070000", "MEDIA": "KAT",
        "UNIXTIME": "1", "RESULT": "7000", "REFKEY": waiting.reference().to_string(),
    });
    let path = "/webhooks/alimtalk-main/local-webhook-secret";
    assert_eq!(world.webhook(path, receipt).await.0, 200);
    assert_eq!(world.notification(&first).await.status, Status::Delivered);
    assert_eq!(world.notification(&second).await.status, Status::Queued);
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_step_cancels_the_later_ones_and_a_sent_message_cannot_be_cancelled() {
    let world = World::new(WorldSettings::default()).await;
    let (first, second) = post_sequence(&world, "k", DELIVERED).await;
    let path = format!("/v1/notifications/{first}/cancel");
    assert_eq!(world.produce("POST", &path, None, "").await.0, 200);
    assert_eq!(world.produce("POST", &path, None, "").await.0, 200, "cancelled twice");
    assert_eq!(world.notification(&second).await.status, Status::Cancelled);

    world.start_senders();
    let sent = post_one(&world, "sent", DELIVERED).await;
    world.settle(SETTLES_WITHIN).await;
    let (status, problem) =
        world.produce("POST", &format!("/v1/notifications/{sent}/cancel"), None, "").await;
    assert_eq!(status, 409);
    assert_eq!(problem["field"].as_str(), Some("id"));
    let messages = world.simulator.arrivals().iter().filter(|a| a.reference.is_some()).count();
    assert_eq!(messages, 1);
}
