//! A producer withdraws a whole sequence.

use std::time::Duration;

use alimi::domain::{Reason, Status};
use alimi_local::simulator::Receipts;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::json;

use super::steps::{ALIMTALK, LMS, SMS, after, delayed, messages, pair, post_steps, step};
use crate::provider_receipts::{ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, receive};

#[tokio::test(start_paused = true)]
async fn cancelling_a_sequence_withdraws_what_has_not_left_and_may_be_repeated() {
    for (late, first) in
        [(ALIMTALK_DELIVERED, Status::Delivered), (ALIMTALK_UNDELIVERED, Status::Failed)]
    {
        let world = World::new(WorldSettings::default()).await;
        world.simulator.order(Receipts::Never);
        world.start_senders();
        let steps = [step(ALIMTALK), after("failed", step(SMS)), pair(ALIMTALK, LMS)];
        let posted = post_steps(&world, json!({ "steps": steps })).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let path = format!("/v1/sequences/{}/cancel", posted.id);
        let (status, answer) = world.produce("POST", &path, None, "").await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["steps"][0]["notifications"][0]["status"], "accepted");
        assert_eq!(answer["steps"][1]["notifications"][0]["status"], "cancelled");
        let cancelled = posted.notifications(&world).await;
        assert_eq!(cancelled[0].status, Status::Accepted);
        assert!(cancelled[1..].iter().all(|notification| notification.status == Status::Cancelled));
        assert_eq!(cancelled[1].reason, Some(Reason::Requested));

        let (status, repeated) = world.produce("POST", &path, None, "").await;
        assert_eq!(status, 200, "{repeated}");
        assert_eq!(repeated, answer);
        assert_eq!(posted.notifications(&world).await, cancelled);

        // The receipt of what had left brings nothing back.
        receive(&world, &posted.ids[0], late).await;
        let ended = posted.notifications(&world).await;
        assert_eq!(ended[0].status, first);
        assert_eq!(ended[1..], cancelled[1..]);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(messages(&world), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sequence_that_is_cancelled_before_it_begins_never_leaves() {
    let world = World::new(WorldSettings::default()).await;
    let steps = [step(ALIMTALK), after("finished", step(SMS)), pair(ALIMTALK, LMS)];
    let posted = post_steps(&world, json!({ "steps": steps })).await;
    let path = format!("/v1/sequences/{}/cancel", posted.id);
    assert_eq!(world.produce("POST", &path, None, "").await.0, 200);
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(posted.statuses(&world).await, [Status::Cancelled; 4]);
    assert_eq!(messages(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_sequence_withdraws_a_step_that_waits_for_the_end_of_its_delay() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let steps = [step(ALIMTALK), delayed("10m", step(SMS)), step(LMS)];
    let posted = post_steps(&world, json!({ "steps": steps })).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let waiting = [Status::Delivered, Status::Deferred, Status::Blocked];
    assert_eq!(posted.statuses(&world).await, waiting);
    let path = format!("/v1/sequences/{}/cancel", posted.id);
    assert_eq!(world.produce("POST", &path, None, "").await.0, 200);
    let ended = [Status::Delivered, Status::Cancelled, Status::Cancelled];
    assert_eq!(posted.statuses(&world).await, ended);
}
