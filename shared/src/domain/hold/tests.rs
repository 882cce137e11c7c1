//! What holds a message, and when it leaves.

mod claimable;
mod estimates;
mod evidence;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::domain::circuit_breaker::{CircuitBreaker, Failure};
use crate::domain::id::RequestKey;
use crate::domain::{Channel, Notification, PacerPosition, WindowClass};

/// 12:00 in Seoul.
fn now_ms() -> i64 {
    ms("2026-03-02T12:00+09:00")
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_millisecond()
}

fn class(text: &str) -> WindowClass {
    text.parse().expect("a window class")
}

/// A queued real-time message that became ready at noon.
fn message() -> Notification {
    let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
    Notification::sample(key.notification_id(0), now_ms())
}

/// Ten a second, 100 ms apart.
fn channel() -> Channel {
    serde_json::from_value(json!({
        "name": "main",
        "provider": { "kind": "any" },
        "limit": { "per_second": 10, "jitter": "0s" },
        "give_up_after": "24h",
    }))
    .expect("a channel")
}

fn open_circuit(failures: u32, at_us: i64) -> PacerPosition {
    let mut circuit_breaker = CircuitBreaker::default();
    let mut failed_at_us = at_us;
    for _ in 0..failures {
        circuit_breaker.fail(Failure::ClosedDoor, failed_at_us, 0);
        failed_at_us = circuit_breaker.probe_at_us().expect("it is open");
    }
    PacerPosition { circuit_breaker, ..PacerPosition::default() }
}

/// A situation in which nothing holds the message.
fn free<'a>(notification: &'a Notification, channel: &'a Channel) -> Situation<'a> {
    Situation {
        notification,
        channel: Some(channel),
        hours: PresentHours::Class(&WindowClass::EXEMPT),
        lane: PacerPosition::default(),
        unreadable: &[],
        predecessor: None,
        pause: None,
        ahead: None,
        now_us: 1000 * now_ms(),
    }
}
