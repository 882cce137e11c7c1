//! A paused channel sends nothing until it is resumed.

use std::time::Duration;

use alimi::ports::WakeGroup;
use serde_json::json;

use super::operator::{change, get, status_and_field, with, world};

#[tokio::test(start_paused = true)]
async fn a_paused_channel_sends_nothing_and_resuming_wakes_it_at_once() {
    let world = world().await;
    let path = "/v1/channels/alimtalk-main";
    for _ in 0..2 {
        let paused = world.operate("POST", &format!("{path}/pause"), &[], "").await;
        assert_eq!(paused.status, 200);
        assert_eq!(paused.body["paused"], true);
        assert_eq!(paused.etag.as_deref(), Some("\"2\""), "a second pause changes nothing");
    }
    let body = json!({
        "template": "photo-and-video", "to": { "id": "t", "phone": "010-1234-5678" },
        "variables": { "name": "n", "code": "c" },
    });
    world.produce("POST", "/v1/notifications", Some("k"), body).await;
    world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await.expect("drained");
    assert!(world.simulator.arrivals().is_empty());

    world.start_senders();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let resumed = world.operate("POST", &format!("{path}/resume"), &[], "").await;
    assert_eq!(resumed.status, 200);
    assert_eq!(resumed.body["paused"], false);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!world.simulator.arrivals().is_empty(), "the lane waited for the sweeper");
    let history = get(&world, &format!("{path}/history")).await.body;
    assert_eq!(history["items"][0]["document"]["paused"], false);
    assert_eq!(history["items"][1]["document"]["paused"], true);
}

/// The pause comes before, during or after the other change.
#[tokio::test(start_paused = true)]
async fn pausing_a_channel_and_a_concurrent_change_do_not_lose_each_other() {
    let path = "/v1/channels/alimtalk-main";
    let mut changes = 0;
    for wait_ms in 0..40 {
        let world = world().await;
        let slower = with(get(&world, path).await.body, &json!({ "limit": { "per_second": 7 } }));
        let pause = async {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            world.operate("POST", &format!("{path}/pause"), &[], "").await
        };
        let (answer, paused) = futures::future::join(change(&world, path, &slower), pause).await;
        assert_eq!(paused.status, 200, "{wait_ms} ms: {}", paused.body);
        let read = get(&world, path).await.body;
        assert_eq!(read["paused"], true, "{wait_ms} ms");
        if answer.status == 200 {
            assert_eq!(read["limit"]["per_second"], 7, "{wait_ms} ms");
            changes += 1;
        } else {
            assert_eq!(status_and_field(&answer), (412, "If-Match"), "{wait_ms} ms");
        }
    }
    assert!((1..40).contains(&changes), "{changes} of 40 changes were made");
}
