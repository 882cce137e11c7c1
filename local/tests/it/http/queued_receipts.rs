//! Receipts that cannot be recorded when they come wait in the receipt queue, and none is lost.

use std::time::Duration;

use alimi::domain::{Notification, Status};
use alimi::ports::{Document, Documents, Expected, Kind};
use alimi_local::aws::embedded::{DatabaseFault, tables};
use alimi_local::aws::receipt_queue::{RECEIVES_MAX, VISIBILITY};
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{BEGINNING_MS, World};
use serde_json::json;
use tokio::time::Instant;

use super::requests::{id, post, with, world};
use crate::captured_log::CapturedLog;
use crate::dead_letters::{collect, listed, redrive};
use crate::phone_numbers::NO_RECEIPT;
use crate::provider_receipts::{ALIMTALK_DELIVERED, receipt, webhook_path};
use crate::stored_rows::{change_row, put_row, row};

/// No request to the database succeeds until the test clears its faults.
fn stop_the_database(world: &World, fault: DatabaseFault) {
    (0..10_000).for_each(|_| world.faults.add(fault));
}

/// A message that the provider took, and whose receipt is up to the test.
async fn awaiting_its_receipt(world: &World) -> Notification {
    world.start_senders();
    let body = with("/to/phone", json!(NO_RECEIPT));
    let made = post(world, "/v1/notifications", "k", &body).await;
    // The sender has ended by then, so that only the webhook meets an outage.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let sent = world.notification(id(&made)).await;
    assert_eq!(sent.status, Status::Accepted);
    sent
}

/// The status as it is stored, also while no request to the database succeeds.
fn status(world: &World, notification: &Notification) -> Status {
    world.notifications()[&notification.id].status
}

/// Makes the webhook read the channels.
async fn let_the_webhook_read_the_channels(world: &World) {
    assert_eq!(world.webhook("/webhooks/alimtalk-main/guessed", "{}").await.0, 404);
}

/// A provider may not wait long for its answer, and the queue needs the rest of the function's time.
#[tokio::test(start_paused = true)]
async fn a_receipt_that_comes_in_an_outage_is_answered_as_usual_and_recorded_afterwards() {
    for fault in [DatabaseFault::Refused, DatabaseFault::NoAnswer] {
        for is_channel_known in [true, false] {
            let world = world().await;
            let sent = awaiting_its_receipt(&world).await;
            if is_channel_known {
                let_the_webhook_read_the_channels(&world).await;
            }
            stop_the_database(&world, fault);
            let began = Instant::now();
            let (answered, body) =
                world.webhook(&webhook_path(), receipt(&sent, ALIMTALK_DELIVERED)).await;
            assert_eq!(answered, 200, "{fault:?}");
            // Only the channel tells which answer its provider expects.
            assert_eq!(body["result"].as_str(), is_channel_known.then_some("ok"));
            let took = began.elapsed();
            assert!(took < Duration::from_secs(6), "{fault:?}: it took {took:?}");
            assert_eq!(world.stack.receipt_queue.sent(), 1);

            tokio::time::sleep(5 * VISIBILITY).await;
            assert_eq!(status(&world, &sent), Status::Accepted);
            world.faults.clear();
            tokio::time::sleep(2 * VISIBILITY).await;
            assert_eq!(status(&world, &sent), Status::Delivered, "{fault:?}");
            assert!(world.stack.receipt_queue.is_empty());
            assert!(world.permissions.refused().is_empty());
        }
    }
}

/// A process of the webhook takes one request at a time, and the function has few processes. If each
/// request waited for the database, most of the provider's requests would be refused.
#[tokio::test(start_paused = true)]
async fn a_hundred_receipts_in_an_outage_wait_for_the_database_once() {
    for fault in [DatabaseFault::Refused, DatabaseFault::NoAnswer] {
        let world = world().await;
        let sent = awaiting_its_receipt(&world).await;
        let_the_webhook_read_the_channels(&world).await;
        stop_the_database(&world, fault);
        let began = Instant::now();
        for _ in 0..100 {
            let (answered, _) =
                world.webhook(&webhook_path(), receipt(&sent, ALIMTALK_DELIVERED)).await;
            assert_eq!(answered, 200, "{fault:?}");
        }
        assert!(began.elapsed() < Duration::from_secs(7), "{fault:?}: {:?}", began.elapsed());
        assert_eq!(world.stack.receipt_queue.sent(), 100);
        world.faults.clear();
        tokio::time::sleep(2 * VISIBILITY).await;
        assert_eq!(status(&world, &sent), Status::Delivered, "{fault:?}");
        assert!(world.stack.receipt_queue.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_can_be_neither_recorded_nor_queued_is_answered_with_5xx() {
    for is_channel_known in [true, false] {
        let world = world().await;
        let sent = awaiting_its_receipt(&world).await;
        let receipt = receipt(&sent, ALIMTALK_DELIVERED);
        if is_channel_known {
            let_the_webhook_read_the_channels(&world).await;
        }
        stop_the_database(&world, DatabaseFault::Refused);
        world.stack.receipt_queue.set_down(true);
        let (answered, _) = world.webhook(&webhook_path(), &receipt).await;
        assert!(answered.is_server_error(), "{answered}");
        world.faults.clear();
        world.stack.receipt_queue.set_down(false);
        // Until then, the webhook puts receipts into the queue without trying to record them.
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(world.webhook(&webhook_path(), &receipt).await.0, 200);
        assert_eq!(status(&world, &sent), Status::Delivered);
        assert_eq!(world.stack.receipt_queue.sent(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_checked_is_checked_later_and_its_secret_is_nowhere() {
    let log = CapturedLog::start();
    let world = world().await;
    stop_the_database(&world, DatabaseFault::Refused);
    let no_receipt = json!({ "PHONE": "01012345678", "RESULT": "7000" });
    for secret in ["guessed-secret", "local-webhook-secret"] {
        let path = format!("/webhooks/alimtalk-main/{secret}");
        assert_eq!(world.webhook(&path, &no_receipt).await.0, 200);
    }
    let waiting = world.stack.receipt_queue.waiting();
    assert_eq!(waiting.len(), 2);
    assert_eq!(world.meter.webhook_refused(), [0; 0]);
    world.faults.clear();
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.start_crashable_receipts(&CrashPoint::never());
    tokio::time::sleep(Duration::from_secs(2)).await;
    // The wrong secret is counted. The other request holds no receipt, which is reported.
    assert!(world.stack.receipt_queue.is_empty());
    assert!(world.stack.receipt_queue.dead_letters().is_empty());
    assert_eq!(world.meter.webhook_refused(), [1]);
    let logged = log.text();
    assert!(logged.contains("receipts cannot be read"), "{logged}");
    for text in waiting.iter().chain([&logged]) {
        for secret in ["guessed-secret", "local-webhook-secret"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    assert!(!logged.contains("0101234"), "{logged}");
}

/// A newer version of the code may have written the row. That version reads the queue too. The row's
/// hashes tell who is not the provider, although the rest of the row cannot be read.
#[tokio::test(start_paused = true)]
async fn a_receipt_for_an_unreadable_channel_waits_until_the_row_can_be_read_and_others_are_refused()
 {
    let world = world().await;
    let sent = awaiting_its_receipt(&world).await;
    let store = &world.store;
    let readable = store.document(Kind::Channel, "alimtalk-main").await.expect("a read");
    let readable = readable.expect("a channel");
    let mut body = readable.body.clone().expect("a body");
    body["limit"] = json!(1);
    body["receipt_secrets"].as_array_mut().expect("secrets").insert(0, json!({ "sha512": "00" }));
    let unreadable = Document { body: Some(body), changed_at_ms: BEGINNING_MS, ..readable.clone() };
    for (document, expected) in [(unreadable, Status::Accepted), (readable, Status::Delivered)] {
        let saved = store.put_document(Kind::Channel, &document, Expected::Any).await;
        assert!(saved.is_ok(), "{saved:?}");
        if expected == Status::Accepted {
            let (answered, _) =
                world.webhook(&webhook_path(), receipt(&sent, ALIMTALK_DELIVERED)).await;
            assert_eq!(answered, 200);
            for _ in 0..3 {
                let guessed = "/webhooks/alimtalk-main/guessed";
                let (answered, _) =
                    world.webhook(guessed, receipt(&sent, ALIMTALK_DELIVERED)).await;
                assert_eq!(answered, 404);
            }
            assert_eq!(world.stack.receipt_queue.sent(), 1);
        }
        tokio::time::sleep(2 * VISIBILITY).await;
        assert_eq!(status(&world, &sent), expected);
    }
    assert_eq!(world.meter.webhook_refused().iter().sum::<u64>(), 3);
}

/// An operator repairs the row, and has the dead letter sent again.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_for_hours_becomes_a_dead_letter_that_is_sent_again() {
    let world = world().await;
    let sent = awaiting_its_receipt(&world).await;
    let readable = row(&world, sent.id.as_str());
    change_row(&world, sent.id.as_str(), |row| row["recipient"] = json!({ "N": "1" }));
    let (answered, _) = world.webhook(&webhook_path(), receipt(&sent, ALIMTALK_DELIVERED)).await;
    assert_eq!(answered, 200);
    tokio::time::sleep(Duration::from_secs(4 * 3600)).await;
    assert!(!world.stack.receipt_queue.is_empty(), "given up too soon");
    tokio::time::sleep(RECEIVES_MAX * VISIBILITY).await;
    assert!(world.stack.receipt_queue.is_empty());
    assert_eq!(world.stack.receipt_queue.dead_letters().len(), 1);
    collect(&world).await;
    assert!(world.stack.receipt_queue.dead_letters().is_empty());
    let listed = listed(&world, "?edge=receipts").await;
    let [letter] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(letter["tries"], RECEIVES_MAX);
    assert_eq!(letter["about"], json!({ "channel": "alimtalk-main" }));

    put_row(&world, &tables().notifications, &readable);
    assert_eq!(redrive(&world, letter).await.status, 200);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(status(&world, &sent), Status::Delivered);
}

/// SQS may deliver a message more than once, and the provider may repeat its receipt meanwhile.
#[tokio::test(start_paused = true)]
async fn a_receipt_that_waited_twice_and_came_again_is_recorded_once() {
    let world = world().await;
    let sent = awaiting_its_receipt(&world).await;
    let receipt = receipt(&sent, ALIMTALK_DELIVERED);
    stop_the_database(&world, DatabaseFault::Refused);
    for _ in 0..2 {
        assert_eq!(world.webhook(&webhook_path(), &receipt).await.0, 200);
    }
    world.faults.clear();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.webhook(&webhook_path(), &receipt).await.0, 200);
    tokio::time::sleep(VISIBILITY).await;
    assert_eq!(world.stack.receipt_queue.sent(), 2);
    assert!(world.stack.receipt_queue.is_empty());
    let stored = &world.notifications()[&sent.id];
    assert_eq!((stored.status, stored.receipts.len()), (Status::Delivered, 1));
    assert_eq!(stored.revision, sent.revision + 1);
}
