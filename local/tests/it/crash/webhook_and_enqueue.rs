//! The webhook and enqueue may crash at any await, and a repeated request completes the work.

use alimi::domain::{Notification, Status};
use alimi::ports::WakeGroup;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::json;

use super::work::{LIMIT, post_work, post_work_again, variables};

/// A sequence of two steps. The provider has accepted the first step and sent no receipt for it.
async fn sequence_awaiting_its_receipt(world: &World) -> (Notification, Notification) {
    let body = json!({
        "to": { "id": "t", "phone": "01090070000" },
        "steps": [
            { "template": "consultation-start", "variables": variables() },
            { "template": "photo-and-video", "variables": variables() },
        ],
    });
    let (status, _) = world.produce("POST", "/v1/sequences", Some("s"), body).await;
    assert_eq!(status, 202);
    let drained = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await;
    assert!(drained.is_ok_and(|report| report.departures == 1));
    let mut steps: Vec<_> = world.notifications().into_values().collect();
    steps.sort_by_key(|n| n.sequence_step.as_ref().map(|place| place.step));
    let [first, second] = steps.try_into().expect("two steps");
    assert_eq!(first.status, Status::Accepted);
    assert_eq!(second.status, Status::Blocked);
    (first, second)
}

fn delivered_receipt(notification: &Notification) -> String {
    json!({
        "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01090070000", "MEDIA": "KAT",
        "UNIXTIME": "1", "RESULT": "7000", "REFKEY": notification.reference().to_string(),
    })
    .to_string()
}

/// The provider repeats a receipt that was not answered.
#[tokio::test(start_paused = true)]
async fn the_webhook_may_crash_at_any_await_between_receipt_and_release() {
    for steps in 0.. {
        let world = World::new(WorldSettings::default()).await;
        let (first, second) = sequence_awaiting_its_receipt(&world).await;
        let receipt = delivered_receipt(&first);
        let path = "/webhooks/alimtalk-main/local-webhook-secret";

        let crash = CrashPoint::after(steps);
        crash.run(world.webhook(path, &receipt)).await;
        let all = world.notifications();
        let (first_status, second_status) = (all[&first.id].status, all[&second.id].status);
        assert_eq!(
            first_status == Status::Delivered,
            second_status == Status::Queued,
            "after {steps} steps: {first_status:?}, {second_status:?}"
        );
        assert_eq!(world.webhook(path, &receipt).await.0, 200);
        let all = world.notifications();
        assert_eq!(all[&first.id].status, Status::Delivered);
        assert_eq!(all[&second.id].status, Status::Queued);
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}

/// Ten equal receipts come at once. The step is delivered once, and the next step is released once.
#[tokio::test(start_paused = true)]
async fn concurrent_receipts_release_the_next_step_once() {
    let world = World::new(WorldSettings::default()).await;
    let (first, second) = sequence_awaiting_its_receipt(&world).await;
    let receipt = delivered_receipt(&first);
    let path = "/webhooks/alimtalk-main/local-webhook-secret";
    let answers = futures::future::join_all((0..10).map(|_| world.webhook(path, &receipt))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    let all = world.notifications();
    assert_eq!(all[&first.id].status, Status::Delivered);
    assert_eq!(all[&first.id].receipts.len(), 1);
    assert_eq!(all[&second.id].status, Status::Queued);
    assert_eq!(all[&second.id].revision, 1);
}

/// The producer gets no answer, and repeats the request under the same key.
#[tokio::test(start_paused = true)]
async fn enqueue_may_crash_at_any_await_and_a_repeated_request_completes_the_work() {
    for steps in 0.. {
        let world = World::new(WorldSettings::default()).await;
        let crash = CrashPoint::after(steps);
        crash.run(post_work(&world)).await;
        post_work_again(&world).await;
        world.start_senders();
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(LIMIT);
        let all = world.notifications();
        assert_eq!(all.len(), 5, "after {steps} steps");
        assert!(all.values().all(|n| n.status == Status::Delivered), "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}
