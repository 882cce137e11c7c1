//! A slow lane, its messages, and the clock of its world.

use std::time::Duration;

use alimi::domain::hours::{HoursConfig, Window};
use alimi::domain::{Notification, Status};
use alimi::ports::Clock;
use alimi_local::testing::world::{World, WorldSettings};
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

pub const LIMIT: usize = 5;
pub const REAL_TIME: u16 = 0;
/// The priority of a scheduled message, which waits for its window.
pub const SCHEDULED: u16 = 600;
/// Longer than any message here waits for its window.
pub const MORE_THAN_A_DAY: Duration = Duration::from_secs(26 * 3600);

/// A slow lane, in which a few hundred messages are a large batch.
pub fn slow() -> WorldSettings {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("per_second: 40", "per_second: 5");
    settings.simulator.per_second = 5;
    settings
}

/// A recipient in a time zone. The zone of the channel is Seoul.
pub fn to(zone: Option<&str>) -> Value {
    json!({ "id": "t", "phone": "010-1234-5678", "timezone": zone })
}

/// Posts `count` messages of a priority to recipients in a zone.
pub async fn post(world: &World, key: &str, count: usize, priority: u16, zone: Option<&str>) {
    let one = json!({
        "template": "consultation-start",
        "to": to(zone),
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "priority": priority,
    });
    for (part, page) in vec![one; count].chunks(500).enumerate() {
        let key = format!("{key}-{part}");
        let body = Value::Array(page.to_vec());
        let (status, answer) = world.produce("POST", "/v1/notifications", Some(&key), body).await;
        assert!(status.is_success(), "{status}: {answer}");
    }
}

/// Moves the clock to the next time when it is this time of the day in Seoul.
pub async fn wait_until(world: &World, local: Time) {
    let now = now(world).to_zoned(TimeZone::get("Asia/Seoul").expect("a zone"));
    let mut then = now.with().time(local).build().expect("a time");
    if then <= now {
        then = then.tomorrow().expect("a day");
    }
    let wait = then.timestamp().duration_since(now.timestamp());
    tokio::time::sleep(wait.unsigned_abs()).await;
}

pub fn now(world: &World) -> Timestamp {
    Timestamp::from_microsecond(world.clock.now_us()).expect("a time")
}

/// The local time in a zone at which a message left.
pub fn left_at(notification: &Notification, zone: &str) -> Time {
    let sent_at_ms = notification.attempts.last().and_then(|a| a.request_sent_at_ms);
    let at = Timestamp::from_millisecond(sent_at_ms.expect("it was sent")).expect("a time");
    at.to_zoned(TimeZone::get(zone).expect("a zone")).time()
}

pub fn delivered(world: &World) -> Vec<Notification> {
    let all = world.notifications();
    all.into_values().filter(|n| n.status == Status::Delivered).collect()
}

/// Changes the hours of scheduled messages.
pub async fn set_hours(world: &World, from: &str, until: &str) {
    let scheduled = Window::new(from, until).expect("a window");
    let hours = HoursConfig { scheduled, ..HoursConfig::default() };
    world.store.put_hours(&hours).await.expect("stored");
}
