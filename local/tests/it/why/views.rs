//! Every view of a message that waits says what it waits for, at a bounded cost.

use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::{Value, json};

use super::{SCHEDULED, ms, post, seconds};

async fn shown(world: &World, id: &str) -> [Value; 2] {
    let (status, of_producer) =
        world.produce("GET", &format!("/v1/notifications/{id}"), None, "").await;
    assert_eq!(status, 200, "{of_producer}");
    let of_operator = world.operate("GET", &format!("/v1/ops/notifications/{id}"), &[], "").await;
    assert_eq!(of_operator.status, 200, "{}", of_operator.body);
    [of_producer, of_operator.body]
}

#[tokio::test(start_paused = true)]
async fn producers_and_operators_see_what_a_message_waits_for() {
    let world = World::new(WorldSettings::default()).await;
    seconds(10 * 3600).await;
    let at_night = post(&world, "night", json!({ "priority": SCHEDULED })).await;
    let free = post(&world, "free", json!({})).await;
    for shown in shown(&world, &at_night).await {
        assert_eq!(shown["waiting_for"]["kind"], "window", "{shown:#}");
        assert_eq!(ms(&shown["leaves_at"]), ms(&json!("2026-03-03T10:00:00+09:00")));
        assert_eq!(shown["waiting_for"]["until"], shown["leaves_at"]);
    }
    for shown in shown(&world, &free).await {
        assert_eq!(shown["waiting_for"]["kind"], "turn", "{shown:#}");
        assert_eq!(shown.get("leaves_at"), None, "the messages ahead are not counted here");
    }
    world.produce("POST", &format!("/v1/notifications/{free}/cancel"), None, "").await;
    for shown in shown(&world, &free).await {
        assert_eq!([shown.get("waiting_for"), shown.get("leaves_at")], [None, None], "{shown:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_lane_and_the_configuration_are_read_once_for_all_steps_of_a_sequence() {
    let settings = WorldSettings::default();
    let usage = settings.database_usage.clone();
    let world = World::new(settings).await;
    let step = json!({
        "template": "photo-and-video",
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let reads = async |steps: usize| {
        let body = json!({
            "to": { "id": "t", "phone": "010-1234-5678" }, "steps": vec![step.clone(); steps],
        });
        let key = format!("{steps}");
        let (status, made) = world.produce("POST", "/v1/sequences", Some(&key), body).await;
        assert_eq!(status, 202, "{made}");
        let path = format!("/v1/sequences/{}", made["id"].as_str().expect("an id"));
        let before = usage.total();
        let (status, read) = world.produce("GET", &path, None, "").await;
        assert_eq!(status, 200);
        let last = &read["steps"][steps - 1]["notifications"][0]["waiting_for"];
        assert_eq!(last["kind"], "predecessor", "{read:#}");
        usage.total().since(before).requests
    };
    let (few, many) = (reads(2).await, reads(90).await);
    // One read for each notification that is shown, and no other.
    assert_eq!(many - few, 88, "{few} and {many} requests");
}

/// A row that cannot be read now must not hide the record.
#[tokio::test(start_paused = true)]
async fn a_record_is_shown_although_what_it_waits_for_cannot_be_read_now() {
    let world = World::new(WorldSettings::default()).await;
    let id = post(&world, "k", json!({})).await;
    let path = format!("/v1/notifications/{id}");
    // The first read is that of the producers or of the notification.
    assert_eq!(world.produce("GET", &path, None, "").await.0, 200);
    let mut answered_without = 0;
    for healthy in 0..12 {
        world.faults.pass(healthy);
        (0..20).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let (status, shown) = world.produce("GET", &path, None, "").await;
        world.faults.clear();
        if status == 200 && shown.get("waiting_for").is_none() {
            assert_eq!(shown["status"], "queued");
            answered_without += 1;
        }
    }
    assert!(answered_without > 0, "the record was never shown without it");
}
