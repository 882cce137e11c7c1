//! A message that has waited too long for the provider expires.

use alimi::domain::{Reason, Status};
use alimi::ports::{Catalog, Clock};
use alimi_local::testing::world::{World, WorldSettings};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Away, LANE, REAL_TIME, SCHEDULED, busy_world, count, post, seconds};
use crate::phone_numbers::DELIVERED;

/// A world whose channel gives up after an hour.
async fn impatient_world() -> World {
    let world = busy_world(WorldSettings::default()).await;
    let channel = world.store.channel(LANE).await.expect("the store");
    let mut channel = channel.expect("the channel");
    channel.give_up_after = SignedDuration::from_hours(1);
    world.store.put_channel(&channel).await.expect("stored");
    world
}

fn gave_up(world: &World) -> usize {
    let all = world.notifications();
    all.values()
        .filter(|n| n.status == Status::Expired && n.reason == Some(Reason::ProviderDown))
        .count()
}

/// More messages than any page of the queue's heads, and a later one among them by its place.
#[tokio::test(start_paused = true)]
async fn messages_end_once_they_have_waited_as_long_as_their_channel_says() {
    for away in [Away::RefusesConnections, Away::RefusesTokens] {
        let world = impatient_world().await;
        away.begin(&world);
        post(&world, "batch", SCHEDULED, 150).await;
        seconds(1800).await;
        post(&world, "later", REAL_TIME, 1).await;
        seconds(1740).await;
        assert_eq!(gave_up(&world), 0, "{away:?}: the hour is not over");
        seconds(500).await;
        assert_eq!(gave_up(&world), 150, "{away:?}");
        assert_eq!(count(&world, Status::Queued), 1, "{away:?}: it has waited for half an hour");
        Away::end(&world);
        seconds(400).await;
        assert_eq!(count(&world, Status::Delivered), 2, "{away:?}");
    }
}

/// Waiting before the outage does not count.
#[tokio::test(start_paused = true)]
async fn a_message_that_was_old_when_the_outage_began_waits_as_long_as_the_others() {
    let world = impatient_world().await;
    let paused = world.operate("POST", "/v1/channels/alimtalk-main/pause", &[], "").await;
    assert_eq!(paused.status, 200, "{:?}", paused.body);
    post(&world, "old", REAL_TIME, 1).await;
    seconds(7200).await;
    Away::RefusesTokens.begin(&world);
    let resumed = world.operate("POST", "/v1/channels/alimtalk-main/resume", &[], "").await;
    assert_eq!(resumed.status, 200, "{:?}", resumed.body);
    seconds(3000).await;
    assert_eq!((gave_up(&world), count(&world, Status::Queued)), (0, 1));
    seconds(1100).await;
    assert_eq!(gave_up(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_expires_during_an_outage_says_so_by_the_next_probe() {
    let world = impatient_world().await;
    Away::RefusesTokens.begin(&world);
    let expires_at = Timestamp::from_millisecond(world.clock.now_ms() + 600_000).expect("a time");
    let body = json!({
        "template": "photo-and-video", "to": { "id": "t", "phone": DELIVERED },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "expires_at": expires_at.to_string(),
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
    assert_eq!(status, 202, "{answer}");
    seconds(1100).await;
    let expired = world.notification(answer["id"].as_str().expect("an id")).await;
    assert_eq!((expired.status, expired.reason), (Status::Expired, Some(Reason::Expired)));
}
