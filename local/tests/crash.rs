//! Senders that die, freeze and overlap. Whatever happens, nothing is sent twice and nothing is
//! lost from sight.

use std::time::Duration;

use alimi::domain::Status;
use alimi_local::world::{Doom, World, WorldSettings};
use serde_json::{Value, json};

const LIMIT: usize = 40;
const A_WHILE: Duration = Duration::from_secs(3 * 3600);

async fn post_work(world: &World) {
    let to = |n: usize| json!({ "id": format!("t{n}"), "phone": "01012345678" });
    let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
    let sequence = json!({
        "to": to(0),
        "steps": [
            { "template": "consultation-start", "variables": variables },
            { "template": "photo-and-video", "variables": variables },
        ],
    });
    let (status, _) = world.produce("POST", "/v1/sequences", Some("s"), sequence).await;
    assert_eq!(status, 202);
    let many: Vec<Value> = (1..4)
        .map(|n| json!({ "template": "photo-and-video", "to": to(n), "variables": variables }))
        .collect();
    let (status, _) =
        world.produce("POST", "/v1/notifications", Some("b"), Value::Array(many)).await;
    assert_eq!(status, 202);
}

/// Kills the sender after 0, 1, 2, … of its steps, until it lives to its end.
#[tokio::test(start_paused = true)]
async fn a_sender_may_die_at_any_await() {
    let mut deaths = 0;
    let mut outcomes = std::collections::BTreeMap::new();
    for steps in 0.. {
        let world = World::new(WorldSettings::default()).await;
        let doom = Doom::after(steps);
        world.start_mortal_senders(&doom);
        post_work(&world).await;
        world.settle(A_WHILE).await;
        world.check_invariants(LIMIT);
        let all = world.notifications();
        assert_eq!(all.len(), 5, "after {steps} steps");
        for notification in all.values() {
            // Unknown and what waits behind it is all that a crash may leave.
            let acceptable = matches!(
                notification.status,
                Status::Delivered | Status::Unknown | Status::Blocked
            );
            assert!(acceptable, "after {steps} steps: {notification:?}");
            *outcomes.entry(notification.status.as_str()).or_insert(0) += 1;
        }
        if !doom.has_struck() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 80, "only {deaths} deaths: the sender's steps are not visited");
    assert!(outcomes.get("unknown").is_some_and(|n| *n > 0), "{outcomes:?}");
}
