//! Sequences with steps of every kind.

use alimi::domain::{Notification, Status};
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::producer::{teacher, variables};
use crate::phone_numbers::DELIVERED;

/// Templates of the example catalog. All of them leave over the channel `alimtalk-main`.
pub const ALIMTALK: &str = "photo-and-video";
pub const SMS: &str = "consultation-sms";
pub const LMS: &str = "consultation-lms";

/// A step with one notification.
pub fn step(template: &str) -> Value {
    json!({ "template": template, "variables": variables() })
}

/// A step with two notifications. The second one is the gate.
pub fn pair(other: &str, gate: &str) -> Value {
    json!({ "notifications": [
        { "template": other, "variables": variables() },
        { "template": gate, "variables": variables(), "gate": true },
    ]})
}

/// The same step, which waits for another end of the step before it.
pub fn after(end: &str, mut step: Value) -> Value {
    step["after"] = json!(end);
    step
}

/// The same step, which waits for a time after that end.
pub fn delayed(delay: &str, mut step: Value) -> Value {
    step["delay"] = json!(delay);
    step
}

/// A sequence that is stored.
pub struct Posted {
    pub id: String,
    /// The notifications' ids, in the order of the steps.
    pub ids: Vec<String>,
}

impl Posted {
    /// The present states of the notifications, in the order of the steps.
    pub async fn notifications(&self, world: &World) -> Vec<Notification> {
        let mut found = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            found.push(world.notification(id).await);
        }
        found
    }

    pub async fn statuses(&self, world: &World) -> Vec<Status> {
        self.notifications(world).await.iter().map(|found| found.status).collect()
    }
}

/// Posts the world's only sequence. `body` is a request without a recipient. Its messages are
/// delivered unless the test orders something else.
pub async fn post_steps(world: &World, mut body: Value) -> Posted {
    body["to"] = teacher(DELIVERED);
    let (status, answer) = world.produce("POST", "/v1/sequences", Some("s"), body).await;
    assert_eq!(status, 202, "{answer}");
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let steps = answer["steps"].as_array().expect("steps").iter();
    let notifications = steps.flat_map(|step| step["notifications"].as_array().expect("a list"));
    Posted { id: text(&answer["id"]), ids: notifications.map(|each| text(&each["id"])).collect() }
}

/// How many messages arrived at the provider.
pub fn messages(world: &World) -> usize {
    world.simulator.arrivals().iter().filter(|arrival| arrival.reference.is_some()).count()
}
