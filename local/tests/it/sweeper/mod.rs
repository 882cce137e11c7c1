//! The rounds of the sweeper: what they find and when, what they wake, and what they cost.

mod costs;
mod fairness;
mod orphans;
mod unreadable_rows;
mod waiting_lanes;

use std::time::Duration;

use alimi::domain::agenda::confirm_partition;
use alimi::domain::{Channel, PacerPosition, Status};
use alimi::ports::{Acquired, Catalog, Clock, Lanes, Lease, LeaseTerms, Saved, WakeGroup};
use alimi::use_cases::SweepReport;
use alimi_local::aws::embedded::tables;
use alimi_local::testing::world::World;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::phone_numbers::NO_RECEIPT;
use crate::stored_rows::{put_row, row};

const LANE: &str = "alimtalk-main";
/// Another channel, which comes before the other one by its name.
const BUSY: &str = "a-busy-channel";

/// Posts a message whose receipt never comes, and returns its id.
async fn post(world: &World, key: &str) -> String {
    let body = json!({
        "template": "photo-and-video", "to": { "id": key, "phone": NO_RECEIPT },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

/// Posts a message and sends it. Returns its id once the provider has accepted it.
async fn accepted(world: &World, key: &str) -> String {
    let id = post(world, key).await;
    world.stack.sender.drain(LANE, WakeGroup::Zero, None).await.expect("drained");
    assert_eq!(world.notification(&id).await.status, Status::Accepted);
    id
}

/// Posts a message, and kills its sender after the message has left and before its answer comes.
async fn killed_while_sending(world: &World, key: &str) -> String {
    let id = post(world, key).await;
    world.http.set_transit_time(Duration::from_millis(2_500));
    let sender = world.stack.sender.clone();
    let draining = async move { sender.drain(LANE, WakeGroup::Zero, None).await };
    let draining = tokio::spawn(draining);
    for _ in 0..100 {
        if world.notification(&id).await.status == Status::Sending {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    draining.abort();
    assert!(draining.await.expect_err("it was killed").is_cancelled());
    world.http.set_transit_time(Duration::ZERO);
    assert_eq!(world.notification(&id).await.status, Status::Sending);
    id
}

async fn channel(world: &World) -> Channel {
    world.store.channel(LANE).await.expect("an answer").expect("the channel")
}

/// Stores the other channel.
async fn add_busy_channel(world: &World) {
    let busy = Channel { name: BUSY.to_owned(), ..channel(world).await };
    world.store.put_channel(&busy).await.expect("stored");
}

/// Copies the row of an accepted notification. The copies belong to a channel and have a deadline.
fn copy_rows(world: &World, id: &str, count: usize, channel: &str, deadline_ms: i64) {
    let original = row(world, id).to_string();
    for n in 0..count {
        let copy_id = format!("{n:030x}");
        let mut copy: Value = serde_json::from_str(&original.replace(id, &copy_id)).expect("JSON");
        copy["channel"] = json!({ "S": channel });
        copy["deadline_ms"] = json!({ "N": deadline_ms.to_string() });
        copy["agenda_pk"] = json!({ "S": confirm_partition(channel) });
        copy["agenda_sk"] = json!({ "S": format!("{deadline_ms:013}#{copy_id}") });
        put_row(world, &tables().notifications, &copy);
    }
}

/// Takes the lane's lease, as a sender does.
async fn lease(world: &World, holder: u64) -> Lease {
    let now_ms = world.clock.now_ms();
    let terms = LeaseTerms {
        now_ms,
        until_ms: now_ms + 10_000,
        skew_ms: 500,
        confirm_within_ms: channel(world).await.own_confirm_within_ms(),
        holder,
        group: WakeGroup::Zero,
        wake_sent_at_ms: None,
        despite_pause: false,
    };
    match world.store.acquire(LANE, terms).await.expect("an answer") {
        Acquired::Leased(lease) => lease,
        other @ (Acquired::Held | Acquired::Obsolete | Acquired::MustWait { .. }) => {
            panic!("there is no lease: {other:?}")
        }
    }
}

async fn release(world: &World, lease: &Lease, position: PacerPosition) {
    let released = world.store.release(lease, position).await.expect("an answer");
    assert_eq!(released, Saved::Done);
}

/// The fences of the lane's open drains.
async fn open_drains(world: &World) -> Vec<u64> {
    let state = world.store.lane_state(LANE).await.expect("an answer");
    state.map_or(vec![], |state| state.open_drains.iter().map(|drain| drain.fence).collect())
}

/// Begins a round over the lanes, without the repairs of schedules and runs.
fn begin_round(world: &World) -> JoinHandle<SweepReport> {
    let sweeper = world.stack.sweeper.sweeper.clone();
    tokio::spawn(async move { sweeper.round().await.expect("a round") })
}

async fn round(world: &World) -> SweepReport {
    begin_round(world).await.expect("a round")
}
