//! A step of several notifications: they leave together, and only the gate's end is the step's end.

use std::time::Duration;

use alimi::domain::{Reason, Status};
use alimi_local::simulator::Receipts;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::json;

use super::producer::{LIMIT, arrivals_us};
use super::steps::{ALIMTALK, LMS, Posted, SMS, messages, pair, post_steps, step};
use crate::provider_receipts::{
    ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, LMS_DELIVERED, LMS_UNDELIVERED, receive,
};

// The second and the third step's notifications, by their places in `Posted::ids`.
const OTHER: usize = 1;
const GATE: usize = 2;
const LAST: usize = 3;

/// The first step was delivered, and both notifications of the second step have left. Their
/// receipts are up to the test. The third step waits.
async fn awaiting_two_receipts() -> (World, Posted) {
    let world = World::new(WorldSettings::default()).await;
    world.simulator.order(Receipts::Delivered);
    world.simulator.order(Receipts::Never);
    world.simulator.order(Receipts::Never);
    world.start_senders();
    let steps = [step(SMS), pair(ALIMTALK, LMS), step(SMS)];
    let posted = post_steps(&world, json!({ "steps": steps })).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let sent = [Status::Delivered, Status::Accepted, Status::Accepted, Status::Blocked];
    assert_eq!(posted.statuses(&world).await, sent);
    (world, posted)
}

#[tokio::test(start_paused = true)]
async fn the_notifications_of_a_step_leave_together_after_the_step_before_it() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let steps = [step(SMS), pair(ALIMTALK, LMS), step(SMS)];
    let posted = post_steps(&world, json!({ "steps": steps })).await;
    let waiting = [Status::Queued, Status::Blocked, Status::Blocked, Status::Blocked];
    assert_eq!(posted.statuses(&world).await, waiting);
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert_eq!(posted.statuses(&world).await, [Status::Delivered; 4]);
    let released_us = world.simulator.accepted_receipts()[0].at_us;
    let left_us = [OTHER, GATE].map(|place| arrivals_us(&world, &posted.ids[place])[0]);
    assert!(left_us.iter().all(|at_us| *at_us > released_us));
    let apart_us = (left_us[0] - left_us[1]).abs();
    assert!(apart_us < 200_000, "the notifications left {apart_us} us apart");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_notification_that_is_not_the_gate_decides_nothing() {
    for (report, end) in
        [(ALIMTALK_DELIVERED, Status::Delivered), (ALIMTALK_UNDELIVERED, Status::Failed)]
    {
        let (world, posted) = awaiting_two_receipts().await;
        receive(&world, &posted.ids[OTHER], report).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let waiting = [Status::Delivered, end, Status::Accepted, Status::Blocked];
        assert_eq!(posted.statuses(&world).await, waiting);

        receive(&world, &posted.ids[GATE], LMS_DELIVERED).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let ended = [Status::Delivered, end, Status::Delivered, Status::Delivered];
        assert_eq!(posted.statuses(&world).await, ended);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_gate_halts_the_sequence_although_the_other_notification_was_delivered() {
    let (world, posted) = awaiting_two_receipts().await;
    receive(&world, &posted.ids[OTHER], ALIMTALK_DELIVERED).await;
    receive(&world, &posted.ids[GATE], LMS_UNDELIVERED).await;
    let ended = [Status::Delivered, Status::Delivered, Status::Failed, Status::Cancelled];
    assert_eq!(posted.statuses(&world).await, ended);
    let halted = world.notification(&posted.ids[LAST]).await;
    assert_eq!(halted.reason, Some(Reason::PredecessorStopped));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(messages(&world), 3);
}

/// The other notification would wait for ever.
#[tokio::test(start_paused = true)]
async fn withdrawing_a_blocked_gate_cancels_its_step_and_the_steps_behind_it() {
    let world = World::new(WorldSettings::default()).await;
    world.simulator.order(Receipts::Never);
    world.start_senders();
    let steps = [step(SMS), pair(ALIMTALK, LMS), step(SMS)];
    let posted = post_steps(&world, json!({ "steps": steps })).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let path = format!("/v1/notifications/{}/cancel", posted.ids[GATE]);
    assert_eq!(world.produce("POST", &path, None, "").await.0, 200);
    let ended = posted.notifications(&world).await;
    let statuses: Vec<Status> = ended.iter().map(|notification| notification.status).collect();
    let cancelled = Status::Cancelled;
    assert_eq!(statuses, [Status::Accepted, cancelled, cancelled, cancelled]);
    assert_eq!(ended[GATE].reason, Some(Reason::Requested));
    assert_eq!(ended[OTHER].reason, Some(Reason::PredecessorStopped));
}
