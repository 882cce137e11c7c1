//! What a sequence does about a failure, about a step that nobody knows the end of, and about
//! delays.

use std::time::Duration;

use alimi::domain::{Reason, Status};
use alimi_local::simulator::{Answer, Behaviour, Receipts};
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::json;

use super::producer::{LIMIT, arrivals_us, sweep};
use super::steps::{ALIMTALK, LMS, SMS, after, delayed, messages, post_steps, step};
use crate::provider_receipts::{ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, LMS_DELIVERED, receive};

#[tokio::test(start_paused = true)]
async fn a_sequence_that_continues_on_failure_sends_the_next_step_after_it() {
    for (on_failure, second) in [("halt", Status::Cancelled), ("continue", Status::Delivered)] {
        let world = World::new(WorldSettings::default()).await;
        world.simulator.order(Receipts::Undelivered);
        world.start_senders();
        let body = json!({ "steps": [step(ALIMTALK), step(LMS)], "on_failure": on_failure });
        let posted = post_steps(&world, body).await;
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(LIMIT);
        assert_eq!(posted.statuses(&world).await, [Status::Failed, second], "{on_failure}");
        let failed_us = world.simulator.accepted_receipts()[0].at_us;
        let arrived_us = arrivals_us(&world, &posted.ids[1]);
        assert!(arrived_us.iter().all(|at_us| *at_us > failed_us), "{on_failure}");
    }
}

/// The first step's receipt is missing. The second step is released and accepted. Then the first
/// step's receipts come after all.
#[tokio::test(start_paused = true)]
async fn an_unconfirmed_step_may_release_the_next_one_and_its_late_receipts_then_move_nothing() {
    let world = World::new(WorldSettings::default()).await;
    world.simulator.order(Receipts::Never);
    world.simulator.order(Receipts::Never);
    world.start_senders();
    let body = json!({
        "steps": [step(ALIMTALK), step(LMS), step(SMS)], "on_unconfirmed": "continue",
    });
    let posted = post_steps(&world, body).await;
    sweep(&world, 31).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let released = [Status::Unconfirmed, Status::Accepted, Status::Blocked];
    assert_eq!(posted.statuses(&world).await, released);
    let before = posted.notifications(&world).await;

    for (report, first) in
        [(ALIMTALK_UNDELIVERED, Status::Failed), (ALIMTALK_DELIVERED, Status::Delivered)]
    {
        receive(&world, &posted.ids[0], report).await;
        let now = posted.notifications(&world).await;
        assert_eq!(now[0].status, first);
        assert_eq!(now[1..], before[1..]);
    }
    // The second step's own receipt releases the third one.
    receive(&world, &posted.ids[1], LMS_DELIVERED).await;
    sweep(&world, 1).await;
    assert_eq!(posted.statuses(&world).await, [Status::Delivered; 3]);
}

/// Nobody knows whether the provider has the first step. A sender that froze may still put its claim
/// back, so the sequence waits even if it goes on behind unconfirmed steps.
#[tokio::test(start_paused = true)]
async fn a_sequence_never_goes_on_behind_a_step_that_may_still_be_put_back() {
    let world = World::new(WorldSettings::default()).await;
    world.simulator.order(Behaviour { answer: Answer::Hang, receipts: Receipts::Never });
    world.start_senders();
    let body = json!({ "steps": [step(ALIMTALK), step(LMS)], "on_unconfirmed": "continue" });
    let posted = post_steps(&world, body).await;
    sweep(&world, 31).await;
    assert_eq!(posted.statuses(&world).await, [Status::Unknown, Status::Blocked]);

    receive(&world, &posted.ids[0], ALIMTALK_DELIVERED).await;
    sweep(&world, 1).await;
    assert_eq!(posted.statuses(&world).await[0], Status::Delivered);
    assert_ne!(posted.statuses(&world).await[1], Status::Blocked);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_step_holds_the_sequence_unless_it_says_otherwise() {
    let world = World::new(WorldSettings::default()).await;
    world.simulator.order(Receipts::Never);
    world.start_senders();
    let steps = [step(ALIMTALK), step(LMS), after("failed", step(SMS))];
    let posted = post_steps(&world, json!({ "steps": steps })).await;
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let waiting = [Status::Unconfirmed, Status::Blocked, Status::Blocked];
    assert_eq!(posted.statuses(&world).await, waiting);
    let stalled = world.notification(&posted.ids[0]).await;
    assert_eq!(stalled.reason, Some(Reason::NoReceipt));
    assert_eq!(messages(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_step_leaves_when_its_delay_is_over_and_not_before() {
    for (receipts, end) in [(Receipts::Delivered, "delivered"), (Receipts::Undelivered, "failed")] {
        let world = World::new(WorldSettings::default()).await;
        world.simulator.order(receipts);
        world.start_senders();
        let steps = [step(ALIMTALK), delayed("10m", after(end, step(SMS)))];
        let posted = post_steps(&world, json!({ "steps": steps })).await;
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(LIMIT);
        let ended = posted.notifications(&world).await;
        assert_eq!(ended[1].status, Status::Delivered, "{end}");
        let sent_at_ms = ended[1].attempts[0].request_sent_at_ms.expect("sent");
        let waited_ms = sent_at_ms - ended[0].status_since_ms;
        assert!((600_000..601_000).contains(&waited_ms), "{end}: it waited {waited_ms} ms");
    }
}
