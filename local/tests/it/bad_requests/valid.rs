//! Valid bodies that have every field, and the documents that they name.

use serde_json::{Value, json};

use crate::phone_numbers::DELIVERED;

/// The documents that are stored before the requests.
pub fn stored() -> Vec<(&'static str, Value)> {
    vec![
        ("/v1/audiences/teachers", json!({ "source": { "kind": "members" } })),
        ("/v1/audiences/files", audience("files", "s3")),
        (
            "/v1/schedules/daily",
            json!({
                "expression": "cron(0 11 * * ? *)", "template": "photo-and-video",
                "audience": "teachers",
            }),
        ),
    ]
}

fn to() -> Value {
    json!({ "id": "teacher-1", "phone": DELIVERED, "timezone": "Asia/Seoul" })
}

fn variables() -> Value {
    json!({ "name": "김하나", "code": "a1" })
}

pub fn notification() -> Value {
    json!({
        "template": "photo-and-video",
        "channel": "alimtalk-main",
        "to": to(),
        "variables": variables(),
        "tag": "spring",
        "data": { "order": 17 },
        "priority": 600,
        "not_before": "2026-03-03T10:00:00+09:00",
        "expires_at": "2026-03-04T10:00:00+09:00",
    })
}

pub fn sequence() -> Value {
    let one = |is_gate: bool| {
        json!({
            "template": "photo-and-video", "channel": "alimtalk-main",
            "variables": variables(), "data": { "order": 17 }, "gate": is_gate,
        })
    };
    json!({
        "to": to(),
        "steps": [
            {
                "template": "photo-and-video", "channel": "alimtalk-main",
                "variables": variables(), "data": { "order": 17 },
            },
            { "notifications": [one(true), one(false)], "after": "failed", "delay": "10m" },
        ],
        "on_failure": "continue",
        "on_unconfirmed": "continue",
        "confirm_within": "90m",
        "priority": 600,
        "not_before": "2026-03-03T10:00:00+09:00",
        "expires_at": "2026-03-04T10:00:00+09:00",
    })
}

pub fn channel() -> Value {
    json!({
        "name": "new",
        "provider": {
            "kind": "bizppurio", "environment": "test", "account": "example",
            "sender_key": "key", "from": "0212345678", "lms_keyword": "mms",
            "message_chars_max": 1000,
        },
        "limit": { "per_second": 40, "jitter": "50ms", "strict": false },
        "retry": { "backoff": "fixed", "retries": 2, "every": "3s" },
        "confirmation": { "by": "receipt", "within": "30m" },
        "timeouts": { "connect": "1s", "total": "3s" },
        "timezone": "Asia/Seoul",
        "window": { "from": "08:00", "to": "20:00" },
        "paused": false,
        "give_up_after": "24h",
        "only_to": ["010-1234-5678"],
        "receipt_sources": ["203.0.113.0/24"],
    })
}

/// A channel whose waits grow.
pub fn patient_channel() -> Value {
    let mut channel = channel();
    channel["retry"] = json!({
        "backoff": "exponential", "retries": 2, "first": "3s", "longest": "1m",
    });
    channel
}

pub fn template() -> Value {
    json!({
        "name": "new",
        "category": "informational",
        "window": { "from": "10:00", "to": "18:00" },
        "variants": [{
            "channel": "alimtalk-main",
            "content": {
                "type": "alimtalk", "code": "CODE", "body": "#{name}님",
                "buttons": [{
                    "name": "보기", "type": "WL", "url_mobile": "https://example.com/m",
                    "url_pc": "https://example.com/p", "scheme_ios": "app://a",
                    "scheme_android": "app://b",
                }],
                "fallback": { "type": "lms", "subject": "안내", "body": "#{name}님" },
            },
        }],
    })
}

/// A template of a text message.
pub fn text_template() -> Value {
    json!({
        "category": "advertising",
        "variants": [{
            "channel": "alimtalk-main", "content": { "type": "sms", "body": "#{name}님" },
        }],
    })
}

pub fn schedule() -> Value {
    json!({
        "name": "new",
        "expression": "cron(0 11 * * ? *)",
        "timezone": "Asia/Seoul",
        "template": "photo-and-video",
        "channel": "alimtalk-main",
        "audience": "teachers",
        "producer": "consultation-service",
        "priority": 600,
        "enabled": true,
        "catch_up": "skip",
        "outside_window": "defer",
    })
}

pub fn uploaded_audience() -> Value {
    json!({ "name": "new", "source": { "kind": "members" } })
}

pub fn audience_in_s3() -> Value {
    audience("new", "s3")
}

fn audience(name: &str, kind: &str) -> Value {
    json!({
        "name": name,
        "source": { "kind": kind, "bucket": "bucket", "key": "all.csv", "format": "csv" },
    })
}

pub fn hours() -> Value {
    json!({
        "scheduled": { "from": "09:00", "to": "19:00" },
        "advertising": { "from": "08:00", "to": "20:00" },
    })
}

pub fn producer() -> Value {
    json!({
        "name": "new",
        "principals": ["shop-backend"],
        "grants": { "templates": ["photo-and-video"], "priority_min": 1 },
    })
}
