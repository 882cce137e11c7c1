//! A fallback is a step that leaves only when the step before it failed.

use std::time::Duration;

use alimi::domain::{Reason, Status};
use alimi_local::simulator::Receipts;
use alimi_local::testing::world::{BEGINNING_MS, SETTLES_WITHIN, World, WorldSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::producer::{LIMIT, arrivals_us, sweep};
use super::steps::{ALIMTALK, LMS, Posted, SMS, after, messages, post_steps, step};
use crate::provider_receipts::{ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, receive};

fn fallback(template: &str) -> Value {
    after("failed", step(template))
}

/// A sequence that has come to rest, and whose first message had these receipts.
async fn settled(receipts: Receipts, steps: &[Value]) -> (World, Posted) {
    let world = World::new(WorldSettings::default()).await;
    world.simulator.order(receipts);
    world.start_senders();
    let posted = post_steps(&world, json!({ "steps": steps })).await;
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    (world, posted)
}

#[tokio::test(start_paused = true)]
async fn a_fallback_leaves_only_after_the_receipt_that_the_step_before_it_failed() {
    let mut settings = WorldSettings::default();
    // The receipt comes after 10 s to 30 s.
    settings.simulator.receipt_after = Duration::from_secs(20);
    let world = World::new(settings).await;
    world.simulator.order(Receipts::Undelivered);
    world.start_senders();
    let steps = json!({ "steps": [step(ALIMTALK), fallback(SMS)] });
    let posted = post_steps(&world, steps).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(posted.statuses(&world).await, [Status::Accepted, Status::Blocked]);
    assert!(arrivals_us(&world, &posted.ids[1]).is_empty());

    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert_eq!(posted.statuses(&world).await, [Status::Failed, Status::Delivered]);
    let receipts = world.simulator.accepted_receipts();
    assert!(!receipts[0].says_delivered());
    assert!(arrivals_us(&world, &posted.ids[1])[0] > receipts[0].at_us);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_is_not_needed_is_cancelled_and_the_step_behind_it_leaves() {
    let steps = [step(ALIMTALK), fallback(SMS), step(LMS)];
    let (world, posted) = settled(Receipts::Delivered, &steps).await;
    let ends = [Status::Delivered, Status::Cancelled, Status::Delivered];
    assert_eq!(posted.statuses(&world).await, ends);
    let spared = world.notification(&posted.ids[1]).await;
    assert_eq!(spared.reason, Some(Reason::NotNeeded));
    assert!(!spared.is_exception(), "it alerts nobody");
    assert_eq!(messages(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_halts_the_steps_that_need_a_delivery_and_spares_the_fallback_behind_them() {
    let steps = [step(ALIMTALK), step(LMS), fallback(SMS), step(ALIMTALK)];
    let (world, posted) = settled(Receipts::Undelivered, &steps).await;
    let ends = [Status::Failed, Status::Cancelled, Status::Delivered, Status::Delivered];
    assert_eq!(posted.statuses(&world).await, ends);
    let halted = world.notification(&posted.ids[1]).await;
    assert_eq!(halted.reason, Some(Reason::PredecessorStopped));
    assert_eq!(messages(&world), 3);
    let (fallback, last) = (&posted.ids[2], &posted.ids[3]);
    assert!(arrivals_us(&world, fallback)[0] < arrivals_us(&world, last)[0]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_last_fallback_halts_the_rest() {
    let world = World::new(WorldSettings::default()).await;
    world.simulator.order(Receipts::Undelivered);
    world.simulator.order(Receipts::Undelivered);
    world.start_senders();
    let steps = json!({ "steps": [step(ALIMTALK), fallback(SMS), step(LMS)] });
    let posted = post_steps(&world, steps).await;
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let ends = [Status::Failed, Status::Failed, Status::Cancelled];
    assert_eq!(posted.statuses(&world).await, ends);
}

#[tokio::test(start_paused = true)]
async fn a_step_after_a_finished_one_leaves_whether_it_was_delivered_or_failed() {
    for (receipts, first) in
        [(Receipts::Delivered, Status::Delivered), (Receipts::Undelivered, Status::Failed)]
    {
        let steps = [step(ALIMTALK), after("finished", step(SMS))];
        let (world, posted) = settled(receipts, &steps).await;
        assert_eq!(posted.statuses(&world).await, [first, Status::Delivered], "{receipts:?}");
        let received_us = world.simulator.accepted_receipts()[0].at_us;
        assert!(arrivals_us(&world, &posted.ids[1])[0] > received_us, "{receipts:?}");
    }
}

/// The provider corrects itself after the sequence has gone on.
#[tokio::test(start_paused = true)]
async fn a_late_delivery_of_a_failed_step_moves_no_later_step() {
    let steps = [step(ALIMTALK), step(LMS), fallback(SMS), step(ALIMTALK)];
    let (world, posted) = settled(Receipts::Undelivered, &steps).await;
    let before = posted.notifications(&world).await;
    assert_eq!(before[1].status, Status::Cancelled);
    assert_eq!(before[2].status, Status::Delivered);
    receive(&world, &posted.ids[0], ALIMTALK_DELIVERED).await;
    let now = posted.notifications(&world).await;
    assert_eq!(now[0].status, Status::Delivered);
    assert_eq!(now[1..], before[1..]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(messages(&world), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_expires_while_it_is_blocked_never_leaves() {
    let world = World::new(WorldSettings::default()).await;
    world.simulator.order(Receipts::Never);
    world.start_senders();
    let expires_at = Timestamp::from_millisecond(BEGINNING_MS + 600_000).expect("a time");
    let steps = [step(ALIMTALK), fallback(SMS), fallback(LMS)];
    let body = json!({ "steps": steps, "expires_at": expires_at.to_string() });
    let posted = post_steps(&world, body).await;
    sweep(&world, 9).await;
    let waiting = [Status::Accepted, Status::Blocked, Status::Blocked];
    assert_eq!(posted.statuses(&world).await, waiting);

    // The first fallback was never released, so its end releases nothing: the step before it may
    // still be under way.
    sweep(&world, 3).await;
    let expired = posted.statuses(&world).await;
    assert_eq!(expired[..2], [Status::Accepted, Status::Expired]);
    assert!([Status::Expired, Status::Cancelled].contains(&expired[2]), "{:?}", expired[2]);
    let before = posted.notifications(&world).await;
    assert_eq!(before[1].reason, Some(Reason::Expired));

    receive(&world, &posted.ids[0], ALIMTALK_UNDELIVERED).await;
    let now = posted.notifications(&world).await;
    assert_eq!(now[0].status, Status::Failed);
    assert_eq!(now[1..], before[1..]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(messages(&world), 1);
}
