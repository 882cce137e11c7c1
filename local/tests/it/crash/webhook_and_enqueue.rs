//! The webhook and enqueue may crash at any await, and a repeated request completes the work.

use std::time::Duration;

use alimi::domain::{Notification, Status};
use alimi::ports::WakeGroup;
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::aws::receipt_queue::VISIBILITY;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::{Value, json};

use super::work::{LIMIT, fallback, pair, post_work, post_work_again, statuses, step};
use crate::phone_numbers::NO_RECEIPT;
use crate::provider_receipts::{
    ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, Report, receipt, webhook_path,
};

/// What the receipt of a sequence's first step brings about, all at once.
struct Case {
    steps: Vec<Value>,
    report: Report,
    /// The statuses once the receipt is recorded. Until then the first step is accepted, and all
    /// others are blocked.
    ends: Vec<Status>,
}

impl Case {
    fn statuses_before(&self) -> Vec<Status> {
        let mut statuses = vec![Status::Blocked; self.ends.len()];
        statuses[0] = Status::Accepted;
        statuses
    }
}

fn cases() -> [Case; 4] {
    use Status::{Cancelled, Delivered, Failed, Queued};
    let first = || step("photo-and-video");
    let sms = || step("consultation-sms");
    [
        Case {
            steps: vec![step("consultation-start"), first()],
            report: ALIMTALK_DELIVERED,
            ends: vec![Delivered, Queued],
        },
        // The fallback is not needed, and both notifications of the step behind it are released.
        Case {
            steps: vec![first(), fallback(sms()), pair()],
            report: ALIMTALK_DELIVERED,
            ends: vec![Delivered, Cancelled, Queued, Queued],
        },
        // One step is cancelled, and both notifications of the fallback are released.
        Case {
            steps: vec![first(), sms(), fallback(pair())],
            report: ALIMTALK_UNDELIVERED,
            ends: vec![Failed, Cancelled, Queued, Queued],
        },
        // Everything is cancelled.
        Case {
            steps: vec![first(), sms(), pair()],
            report: ALIMTALK_UNDELIVERED,
            ends: vec![Failed, Cancelled, Cancelled, Cancelled],
        },
    ]
}

/// Stores the sequence of a case, and sends its first step, whose receipt is up to the test.
/// Returns the first step's notification.
async fn first_step_awaiting_its_receipt(world: &World, case: &Case) -> Notification {
    let body = json!({ "to": { "id": "t", "phone": NO_RECEIPT }, "steps": case.steps });
    let (status, answer) = world.produce("POST", "/v1/sequences", Some("s"), body).await;
    assert_eq!(status, 202, "{answer}");
    let drained = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await;
    assert!(drained.is_ok_and(|report| report.departures == 1));
    assert_eq!(statuses(world), case.statuses_before());
    let all = world.notifications();
    all.into_values().find(|found| found.status == Status::Accepted).expect("the first step")
}

/// The provider repeats a receipt that was not answered.
#[tokio::test(start_paused = true)]
async fn the_webhook_may_crash_at_any_await_and_moves_all_steps_or_none() {
    for case in cases() {
        for steps in 0.. {
            let world = World::new(WorldSettings::default()).await;
            let first = first_step_awaiting_its_receipt(&world, &case).await;
            let receipt = receipt(&first, case.report);

            let crash = CrashPoint::after(steps);
            crash.run(world.webhook(&webhook_path(), &receipt)).await;
            let found = statuses(&world);
            assert!(
                found == case.ends || found == case.statuses_before(),
                "after {steps} steps: {found:?} instead of {:?}",
                case.ends
            );
            assert_eq!(world.webhook(&webhook_path(), &receipt).await.0, 200);
            assert_eq!(statuses(&world), case.ends, "after {steps} steps");
            if !crash.was_reached() {
                assert!(steps > 8, "only {steps} crashes");
                break;
            }
        }
    }
}

/// The database is down. Without an answer, the provider repeats the receipt.
#[tokio::test(start_paused = true)]
async fn the_webhook_may_crash_at_any_await_in_an_outage_and_no_receipt_is_lost() {
    let [case, ..] = cases();
    for is_channel_known in [true, false] {
        for steps in 0.. {
            let world = World::new(WorldSettings::default()).await;
            let first = first_step_awaiting_its_receipt(&world, &case).await;
            let receipt = receipt(&first, case.report);
            if is_channel_known {
                let guessed = world.webhook("/webhooks/alimtalk-main/guessed", &receipt).await;
                assert_eq!(guessed.0, 404);
            }
            (0..10_000).for_each(|_| world.faults.add(DatabaseFault::Refused));
            let crash = CrashPoint::after(steps);
            let answered = crash.run(world.webhook(&webhook_path(), &receipt)).await;
            world.faults.clear();
            match answered {
                Some((status, _)) => assert_eq!(status, 200, "after {steps} steps"),
                None => assert_eq!(world.webhook(&webhook_path(), &receipt).await.0, 200),
            }
            world.start_crashable_receipts(&CrashPoint::never());
            tokio::time::sleep(2 * VISIBILITY).await;
            assert_eq!(statuses(&world), case.ends, "after {steps} steps");
            assert!(world.stack.receipt_queue.is_empty());
            if !crash.was_reached() {
                assert!(steps > 8, "only {steps} crashes");
                break;
            }
        }
    }
}

/// SQS delivers the message again after the visibility time-out.
#[tokio::test(start_paused = true)]
async fn the_webhook_may_crash_at_any_await_while_it_records_a_receipt_from_the_queue() {
    for case in cases() {
        for steps in 0.. {
            let world = World::new(WorldSettings::default()).await;
            let first = first_step_awaiting_its_receipt(&world, &case).await;
            (0..10_000).for_each(|_| world.faults.add(DatabaseFault::Refused));
            let receipt = receipt(&first, case.report);
            assert_eq!(world.webhook(&webhook_path(), receipt).await.0, 200);
            world.faults.clear();
            tokio::time::sleep(Duration::from_secs(2)).await;

            let crash = CrashPoint::after(steps);
            world.start_crashable_receipts(&crash);
            tokio::time::sleep(VISIBILITY / 2).await;
            let found = statuses(&world);
            assert!(
                found == case.ends || found == case.statuses_before(),
                "after {steps} steps: {found:?} instead of {:?}",
                case.ends
            );
            tokio::time::sleep(VISIBILITY).await;
            assert_eq!(statuses(&world), case.ends, "after {steps} steps");
            assert!(world.stack.receipt_queue.is_empty());
            if !crash.was_reached() {
                assert!(steps > 8, "only {steps} crashes");
                break;
            }
        }
    }
}

/// Ten equal receipts come at once. Each notification moves once.
#[tokio::test(start_paused = true)]
async fn concurrent_receipts_release_the_next_step_once() {
    for case in cases() {
        let world = World::new(WorldSettings::default()).await;
        let first = first_step_awaiting_its_receipt(&world, &case).await;
        let receipt = receipt(&first, case.report);
        let path = webhook_path();
        let answers =
            futures::future::join_all((0..10).map(|_| world.webhook(&path, &receipt))).await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
        assert_eq!(statuses(&world), case.ends);
        let all = world.notifications();
        assert_eq!(all[&first.id].receipts.len(), 1);
        let later = all.values().filter(|found| found.id != first.id);
        assert!(later.clone().all(|found| found.revision == 1), "{:?}", later.collect::<Vec<_>>());
    }
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
