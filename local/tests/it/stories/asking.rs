//! The provider is asked about a message whose receipt does not come, before anybody calls it unconfirmed.

use std::time::Duration;

use alimi::domain::inquiry::INQUIRIES_MAX;
use alimi::domain::{Notification, Status};
use alimi::ports::WakeGroup;
use alimi_local::simulator::{Kind, Outage};
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};

use super::producer::{LIMIT, SequenceEnd, post_one, post_sequence, sequence_end, sweep};
use crate::phone_numbers::{LOST_RECEIPT, NO_RECEIPT};
use crate::provider_receipts::{ALIMTALK_DELIVERED, receipt, webhook_path};

/// How many questions arrived at the provider.
fn questions(world: &World) -> usize {
    world.simulator.arrivals().iter().filter(|arrival| arrival.kind == Kind::Inquiry).count()
}

fn inquiries(notification: &Notification) -> u8 {
    notification.attempts.last().expect("an attempt").inquiries
}

/// A world with senders, and a message whose receipt is awaited for half an hour.
async fn awaiting(phone: &str) -> (World, String) {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let id = post_one(&world, "k", phone).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.notification(&id).await.status, Status::Accepted);
    (world, id)
}

#[tokio::test(start_paused = true)]
async fn a_lost_receipt_is_found_by_asking_and_the_sequence_goes_on() {
    let end = SequenceEnd { first: Status::Delivered, second: Status::Delivered, arrivals: 2 };
    assert_eq!(sequence_end(LOST_RECEIPT).await, end);
}

#[tokio::test(start_paused = true)]
async fn one_question_suffices_and_comes_before_the_time_is_over() {
    let (world, id) = awaiting(LOST_RECEIPT).await;
    sweep(&world, 24).await;
    assert_eq!(questions(&world), 0, "too early");
    sweep(&world, 3).await;
    let found = world.notification(&id).await;
    assert_eq!((found.status, inquiries(&found)), (Status::Delivered, 1));
    assert_eq!(questions(&world), 1);
    sweep(&world, 10).await;
    assert_eq!(questions(&world), 1);
    world.check_invariants(LIMIT);
}

/// The provider answers that the result is not final.
#[tokio::test(start_paused = true)]
async fn a_message_without_a_result_is_asked_about_twice_and_unconfirmed_in_time() {
    let (world, id) = awaiting(NO_RECEIPT).await;
    sweep(&world, 29).await;
    let waiting = world.notification(&id).await;
    assert_eq!((waiting.status, inquiries(&waiting)), (Status::Accepted, INQUIRIES_MAX));
    sweep(&world, 2).await;
    assert_eq!(world.notification(&id).await.status, Status::Unconfirmed);
    sweep(&world, 60).await;
    assert_eq!(questions(&world), usize::from(INQUIRIES_MAX));
    // The receipt that comes after all settles it.
    let sent = world.notification(&id).await;
    let (answered, _) = world.webhook(&webhook_path(), receipt(&sent, ALIMTALK_DELIVERED)).await;
    assert_eq!(answered, 200);
    assert_eq!(world.notification(&id).await.status, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_while_the_channel_is_paused() {
    let (world, id) = awaiting(LOST_RECEIPT).await;
    let pause = "/v1/channels/alimtalk-main/pause";
    assert_eq!(world.operate("POST", pause, &[], "").await.status, 200);
    sweep(&world, 32).await;
    assert_eq!(questions(&world), 0);
    assert_eq!(world.notification(&id).await.status, Status::Unconfirmed);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_while_the_circuit_is_open() {
    let (world, id) = awaiting(LOST_RECEIPT).await;
    // Every request is refused, the probes too.
    for kind in [Kind::Message, Kind::Token] {
        world.simulator.fail_from_now(kind, Some(Outage::RefusesAccount));
    }
    world.simulator.forget_tokens();
    post_one(&world, "another", "010-1234-5678").await;
    sweep(&world, 32).await;
    assert_eq!(questions(&world), 0);
    assert_eq!(world.notification(&id).await.status, Status::Unconfirmed);
}

/// A question is recorded before it is asked, so a sender that dies cannot ask for ever.
#[tokio::test(start_paused = true)]
async fn a_sender_may_crash_at_any_await_while_it_asks() {
    let mut asked_in_vain = 0;
    for steps in 0.. {
        let world = World::new(WorldSettings::default()).await;
        let id = post_one(&world, "k", LOST_RECEIPT).await;
        let drain = || world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None);
        drain().await.expect("a drain");
        tokio::time::sleep(Duration::from_secs(25 * 60)).await;

        let crash = CrashPoint::after(steps);
        crash.run(drain()).await;
        world.start_senders();
        world.settle(SETTLES_WITHIN).await;
        let found = world.notification(&id).await;
        assert_eq!(found.status, Status::Delivered, "after {steps} steps");
        assert!(inquiries(&found) <= INQUIRIES_MAX, "after {steps} steps");
        let messages = world.simulator.arrivals().iter().filter(|a| a.reference.is_some()).count();
        assert_eq!(messages, 1, "after {steps} steps");
        asked_in_vain += usize::from(usize::from(inquiries(&found)) > questions(&world));
        if !crash.was_reached() {
            assert!(steps > 10, "only {steps} crashes");
            break;
        }
    }
    assert!(asked_in_vain > 0, "no crash came between the record of a question and the question");
}

/// Some providers send a receipt many times. Each is recorded once.
#[tokio::test(start_paused = true)]
async fn a_receipt_that_comes_46_times_costs_one_write() {
    let (world, id) = awaiting(NO_RECEIPT).await;
    let sent = world.notification(&id).await;
    for _ in 0..46 {
        let body = receipt(&sent, ALIMTALK_DELIVERED);
        assert_eq!(world.webhook(&webhook_path(), body).await.0, 200);
    }
    let delivered = world.notification(&id).await;
    assert_eq!((delivered.status, delivered.receipts.len()), (Status::Delivered, 1));
    assert_eq!(delivered.revision, sent.revision + 1);
}

/// A backlog goes before the questions, and both keep the limit.
#[tokio::test(start_paused = true)]
async fn questions_keep_the_limit_together_with_messages() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    for key in 0..5 {
        post_sequence(&world, &format!("k{key}"), LOST_RECEIPT).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    sweep(&world, 24).await;
    super::producer::post_many(&world, "many", 400, "photo-and-video", "010-1234-5678").await;
    world.settle(SETTLES_WITHIN).await;
    assert!(questions(&world) >= 5);
    world.check_invariants(LIMIT);
}
