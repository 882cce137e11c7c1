//! Enqueue may crash while it stores or cancels a sequence with a fallback and a step of two
//! notifications.

use alimi::domain::Status;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::{Value, json};

use super::work::{fallback, pair, statuses, step};
use crate::phone_numbers::DELIVERED;

const BLOCKED: Status = Status::Blocked;
/// The statuses of a sequence that was just stored.
const STORED: [Status; 4] = [Status::Queued, BLOCKED, BLOCKED, BLOCKED];

fn sequence() -> Value {
    json!({
        "to": { "id": "t", "phone": DELIVERED },
        "steps": [step("photo-and-video"), fallback(step("consultation-sms")), pair()],
    })
}

#[tokio::test(start_paused = true)]
async fn a_sequence_is_stored_whole_or_not_at_all() {
    for steps in 0.. {
        let world = World::new(WorldSettings::default()).await;
        let crash = CrashPoint::after(steps);
        crash.run(world.produce("POST", "/v1/sequences", Some("s"), sequence())).await;
        let is_stored = !world.stored().sequences.is_empty();
        let expected = if is_stored { STORED.to_vec() } else { vec![] };
        assert_eq!(statuses(&world), expected, "after {steps} steps");

        // The producer repeats the request under the same key.
        let (status, answer) = world.produce("POST", "/v1/sequences", Some("s"), sequence()).await;
        let repeated: u16 = if is_stored { 200 } else { 202 };
        assert_eq!(status, repeated, "after {steps} steps: {answer}");
        assert_eq!(world.stored().sequences.len(), 1, "after {steps} steps");
        assert_eq!(statuses(&world), STORED, "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_may_crash_at_any_await_and_a_repeated_one_completes_it() {
    for steps in 0.. {
        let world = World::new(WorldSettings::default()).await;
        let (status, answer) = world.produce("POST", "/v1/sequences", Some("s"), sequence()).await;
        assert_eq!(status, 202, "{answer}");
        let path = format!("/v1/sequences/{}/cancel", answer["id"].as_str().expect("an id"));

        let crash = CrashPoint::after(steps);
        crash.run(world.produce("POST", &path, None, "")).await;
        let found = statuses(&world);
        assert!(
            found == STORED || found == [Status::Cancelled; 4],
            "after {steps} steps: {found:?}"
        );
        assert_eq!(world.produce("POST", &path, None, "").await.0, 200, "after {steps} steps");
        assert_eq!(statuses(&world), [Status::Cancelled; 4], "after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 8, "only {steps} crashes");
            break;
        }
    }
}
