//! The provider is away for hours. Messages wait for it in their queue, and no sender does.

mod giving_up;
mod probes;
mod searching;
mod six_hours;
mod waiting;

use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::NoResponse;
use alimi_local::simulator::{Arrival, Kind, Outage};
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::{Value, json};

use crate::phone_numbers::DELIVERED;

const LIMIT: usize = 40;
const LANE: &str = "alimtalk-main";
const REAL_TIME: u16 = 0;
/// The priority of messages that wait for their hours.
const SCHEDULED: u16 = 600;

/// How the provider is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    /// Nothing can be written.
    RefusesConnections,
    /// Nothing is answered.
    Hangs,
    /// Tokens are given, and messages are not answered.
    HangsForMessages,
    /// Tokens are given, and messages are refused because of the account.
    RefusesMessages,
    /// Every token is revoked, and no new one is given.
    RefusesTokens,
}

impl Away {
    fn begin(self, world: &World) {
        let simulator = &world.simulator;
        match self {
            Self::RefusesConnections => {
                world.http.fail_from_now(Some(NoResponse::NotSent("refused".into())));
            }
            Self::Hangs => {
                world.http.fail_from_now(Some(NoResponse::MaybeSent("silence".into())));
            }
            Self::HangsForMessages => simulator.fail_from_now(Kind::Message, Some(Outage::Hangs)),
            Self::RefusesMessages => {
                simulator.fail_from_now(Kind::Message, Some(Outage::RefusesAccount));
            }
            Self::RefusesTokens => {
                simulator.forget_tokens();
                simulator.fail_from_now(Kind::Token, Some(Outage::RefusesAccount));
            }
        }
    }

    fn end(world: &World) {
        world.http.fail_from_now(None);
        world.simulator.fail_from_now(Kind::Message, None);
        world.simulator.fail_from_now(Kind::Token, None);
    }
}

/// A world in which everything runs, and whose lane has sent a message.
async fn busy_world(mut settings: WorldSettings) -> World {
    // Most reads of a queue that waits would find what the read before found.
    settings.sender.read_heads_every = Duration::from_millis(500);
    let world = World::new(settings).await;
    world.start_senders();
    world.start_sweeps();
    post(&world, "first", REAL_TIME, 1).await;
    seconds(5).await;
    assert_eq!(count(&world, Status::Delivered), 1);
    world
}

/// Posts notifications of a priority.
async fn post(world: &World, key: &str, priority: u16, count: usize) {
    let to = |n: usize| json!({ "id": format!("{key}-{n}"), "phone": DELIVERED });
    let many = (0..count).map(|n| {
        json!({
            "template": "photo-and-video", "priority": priority, "to": to(n),
            "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        })
    });
    let body = Value::Array(many.collect());
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn count(world: &World, status: Status) -> usize {
    world.notifications().values().filter(|found| found.status == status).count()
}

/// The requests that arrived at the provider since the first `before` ones.
fn arrivals_since(world: &World, before: usize) -> Vec<Arrival> {
    world.simulator.arrivals().split_off(before)
}
