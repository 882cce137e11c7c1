//! Receipts decide how a notification ends, whenever and however often they come.

use std::time::Duration;

use alimi::domain::Status;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::json;

use super::producer::{LIMIT, SequenceEnd, post_one, sequence_end};
use crate::phone_numbers::{
    ANSWER_LOST, DUPLICATE_RECEIPT, EARLY_RECEIPT, FALLBACK, LATE_RECEIPT, NO_RECEIPT,
    UNCERTAIN_RECEIPT,
};

#[tokio::test(start_paused = true)]
async fn receipts_may_be_late_duplicate_or_early() {
    for phone in [LATE_RECEIPT, DUPLICATE_RECEIPT, EARLY_RECEIPT] {
        let end = SequenceEnd { first: Status::Delivered, second: Status::Delivered, arrivals: 2 };
        assert_eq!(sequence_end(phone).await, end, "{phone}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivered_fallback_counts_and_a_message_without_one_fails_at_its_first_receipt() {
    // The first template has a fallback, the second has none.
    let end = SequenceEnd { first: Status::Delivered, second: Status::Failed, arrivals: 2 };
    assert_eq!(sequence_end(FALLBACK).await, end);
}

#[tokio::test(start_paused = true)]
async fn without_a_receipt_a_step_is_unconfirmed_and_the_next_one_stays_blocked() {
    for phone in [NO_RECEIPT, UNCERTAIN_RECEIPT] {
        let end = SequenceEnd { first: Status::Unconfirmed, second: Status::Blocked, arrivals: 1 };
        assert_eq!(sequence_end(phone).await, end, "{phone}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_answer_is_lost_is_unknown_until_its_receipt_comes() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let id = post_one(&world, "k", ANSWER_LOST).await;
    // The sender waits 3 s for an answer. The receipt comes a little later.
    tokio::time::sleep(Duration::from_millis(3300)).await;
    assert_eq!(world.notification(&id).await.status, Status::Unknown);
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let notification = world.notification(&id).await;
    assert_eq!(notification.status, Status::Delivered);
    assert_eq!(notification.attempt, 1);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_counts_only_at_the_webhook_of_its_own_channel() {
    let settings = WorldSettings::default();
    let (channels, templates) = settings.catalog.split_once("templates:").expect("two parts");
    let (head, main) = channels.split_once("  alimtalk-main:").expect("a channel");
    let catalog =
        format!("{head}  alimtalk-main:{main}  alimtalk-other:{main}\ntemplates:{templates}");
    let world = World::new(WorldSettings { catalog, ..settings }).await;
    world.start_senders();
    let id = post_one(&world, "k", NO_RECEIPT).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let sent = world.notification(&id).await;
    assert_eq!(sent.status, Status::Accepted);
    let receipt = json!({
        "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01090070000", "MEDIA": "KAT",
        "UNIXTIME": "1", "RESULT": "7000", "REFKEY": sent.reference().to_string(),
    });
    let path = "/webhooks/alimtalk-other/local-webhook-secret";
    assert_eq!(world.webhook(path, receipt).await.0, 200);
    assert_eq!(world.notification(&id).await.status, Status::Accepted);
}
