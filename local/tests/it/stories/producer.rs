//! A producer's requests, and how they end.

use std::time::Duration;

use alimi::domain::Status;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::{Value, json};

pub const LIMIT: usize = 40;
pub const TEMPLATE: &str = "photo-and-video";

pub fn teacher(phone: &str) -> Value {
    json!({ "id": "teacher-1", "phone": phone })
}

pub fn variables() -> Value {
    json!({ "name": "김하나", "date": "3월 2일", "code": "a1" })
}

fn two_steps(phone: &str) -> Value {
    json!({
        "to": teacher(phone),
        "steps": [
            { "template": "consultation-start", "variables": variables() },
            { "template": "photo-and-video", "variables": variables() },
        ],
    })
}

/// Posts a sequence of two steps and returns the ids of both.
pub async fn post_sequence(world: &World, key: &str, phone: &str) -> (String, String) {
    let (status, answer) =
        world.produce("POST", "/v1/sequences", Some(key), two_steps(phone)).await;
    assert_eq!(status, 202, "{answer}");
    let id = |step: usize| {
        let only = &answer["steps"][step]["notifications"][0];
        only["id"].as_str().expect("an id").to_owned()
    };
    (id(0), id(1))
}

/// Posts a real-time message and returns its id.
pub async fn post_one(world: &World, key: &str, phone: &str) -> String {
    post_template(world, key, TEMPLATE, phone).await
}

/// Posts a real-time message of a template and returns its id.
pub async fn post_template(world: &World, key: &str, template: &str, phone: &str) -> String {
    let body = json!({
        "template": template, "to": teacher(phone), "variables": variables(),
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

/// Posts a backlog: this many notifications in one request, behind every real-time message.
pub async fn post_many(world: &World, key: &str, count: usize, template: &str, phone: &str) {
    let body: Vec<Value> = (0..count)
        .map(|n| {
            json!({
                "template": template, "priority": 600, "variables": variables(),
                "to": { "id": format!("{key}-{n}"), "phone": phone },
            })
        })
        .collect();
    let (status, _) =
        world.produce("POST", "/v1/notifications", Some(key), Value::Array(body)).await;
    assert_eq!(status, 202);
}

#[derive(Debug, PartialEq)]
pub struct SequenceEnd {
    pub first: Status,
    pub second: Status,
    /// Messages that arrived at the provider.
    pub arrivals: usize,
}

/// How a sequence of two steps to a phone number ends.
pub async fn sequence_end(phone: &str) -> SequenceEnd {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let (first, second) = post_sequence(&world, "k", phone).await;
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    SequenceEnd {
        first: world.notification(&first).await.status,
        second: world.notification(&second).await.status,
        arrivals: world.simulator.arrivals().iter().filter(|a| a.reference.is_some()).count(),
    }
}

/// Lets minutes pass, with a round of the sweeper in each.
pub async fn sweep(world: &World, minutes: u64) {
    for _ in 0..minutes {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let report = alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
        assert_eq!(report.swept.channels_failed, 0, "{report:?}");
    }
}

/// When each request for a notification arrived at the provider, in microseconds.
pub fn arrivals_us(world: &World, id: &str) -> Vec<i64> {
    let arrivals = world.simulator.arrivals();
    let of_this = arrivals.iter().filter(|arrival| {
        arrival.reference.as_ref().is_some_and(|reference| reference.id.as_str() == id)
    });
    of_this.map(|arrival| arrival.at_us).collect()
}
