//! Requests of operators.

use std::time::Duration;

use alimi::domain::Status;
use serde_json::{Value, json};

use super::answers::{failed, problem};
use super::ids::SINGLE;
use crate::testing::sample_case::{Case, on};

pub(super) fn cases() -> Vec<Case> {
    [
        channels(),
        receipt_secrets(),
        templates(),
        other_documents(),
        uploads(),
        notifications(),
        restorations(),
        dead_letters(),
        schedules(),
        runs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn answered(status: u16, etag: &str, body: Value) -> Value {
    let mut answer = json!({ "statusCode": status, "headers": { "etag": etag } });
    answer["body"] = body;
    answer
}

fn channels() -> Vec<Case> {
    vec![
        on("console/list-channels").answers(json!({
            "statusCode": 200,
            "body": { "items": [
                { "name": "alimtalk-main", "revision": 1, "changed_by": "catalog file" },
            ] },
        })),
        on("console/read-channel").answers(answered(200, "\"1\"", json!({ "paused": false }))),
        on("console/create-channel").answers(answered(
            201,
            "\"1\"",
            json!({ "name": "text-main", "provider": { "account": "example" } }),
        )),
        on("console/pause-channel").answers(answered(200, "\"2\"", json!({ "paused": true }))),
        on("console/resume-channel").answers(answered(200, "\"1\"", json!({ "paused": false }))),
        on("console/resume-channel").after(&["console/pause-channel"]).answers(answered(
            200,
            "\"3\"",
            json!({ "paused": false }),
        )),
        // A paused channel sends nothing.
        on("sender/wake")
            .after(&["enqueue/single", "console/pause-channel"])
            .answers(failed(&[]))
            .stores(&[(SINGLE, Status::Queued)]),
        on("console/delete-channel-in-use").answers(problem(409, "name")),
    ]
}

fn receipt_secrets() -> Vec<Case> {
    vec![
        on("console/create-receipt-secret").answers(json!({ "statusCode": 201 })),
        on("console/delete-receipt-secret").answers(json!({ "statusCode": 204 })),
        // The other secret stays.
        on("console/delete-receipt-secret")
            .after(&["console/create-receipt-secret"])
            .answers(json!({ "statusCode": 204 })),
        on("console/delete-receipt-secret")
            .after(&["console/delete-receipt-secret"])
            .answers(problem(404, "id")),
    ]
}

fn templates() -> Vec<Case> {
    vec![
        on("console/change-template").answers(answered(
            200,
            "\"2\"",
            json!({ "variants": [{ "content": { "code": "PHOTO_VIDEO_02" } }] }),
        )),
        on("console/change-template").after(&["console/change-template"]).answers(answered(
            412,
            "\"2\"",
            json!({ "field": "If-Match" }),
        )),
        on("console/change-without-if-match").answers(problem(428, "If-Match")),
        on("console/create-template-not-sent").answers(problem(422, "variants[0].channel")),
        // The channel has no sender key, so it sends text messages only.
        on("console/create-template-not-sent")
            .after(&["console/create-channel"])
            .answers(problem(422, "variants[0].content.type")),
    ]
}

fn other_documents() -> Vec<Case> {
    vec![
        on("console/create-hours").answers(answered(
            201,
            "\"1\"",
            json!({ "scheduled": { "from": "09:00" }, "advertising": { "to": "20:50" } }),
        )),
        on("console/create-producer").answers(answered(
            201,
            "\"1\"",
            json!({ "name": "shop", "grants": { "priority_min": 1 } }),
        )),
        on("console/create-audience").answers(answered(
            201,
            "\"1\"",
            json!({ "name": "teachers" }),
        )),
    ]
}

fn uploads() -> Vec<Case> {
    vec![
        on("console/upload-members").answers(problem(404, "name")),
        on("console/upload-members").after(&["console/create-audience"]).answers(answered(
            200,
            "\"2\"",
            json!({
                "members": 2, "size": 2, "committed": true, "duplicate": 0, "bad_line_count": 1,
                "bad_lines": [{ "line": 4, "field": "phone" }],
            }),
        )),
        on("console/create-upload-url").answers(problem(404, "name")),
        on("console/create-upload-url").after(&["console/create-audience"]).answers(json!({
            "statusCode": 200,
            "body": {
                "method": "PUT",
                "headers": { "content-type": "text/csv", "if-none-match": "*" },
                "source": { "kind": "s3", "format": "csv" },
            },
        })),
        on("console/upload-last-part")
            .after(&["console/create-audience"])
            .answers(problem(422, "first_line")),
    ]
}

fn notifications() -> Vec<Case> {
    let shown = json!({
        "statusCode": 200,
        "body": {
            "id": SINGLE,
            "status": "queued",
            "recipient": { "phone": "***********78" },
            "owner": "consultation-service",
            "template_revision": 1,
            "waiting_for": { "kind": "turn" },
        },
    });
    let text = json!({
        "statusCode": 200,
        "body": {
            "id": SINGLE,
            "recipient": { "phone": "***********78" },
            "template_revision": 1,
            "content": { "type": "alimtalk", "code": "PHOTO_VIDEO_01" },
        },
    });
    vec![
        on("console/read-ops-notification").answers(problem(404, "id")),
        on("console/read-ops-notification")
            .after(&["enqueue/single"])
            .answers(shown)
            .stores(&[(SINGLE, Status::Queued)]),
        // An operator's look at a message is on record.
        on("console/audit")
            .after(&["enqueue/single", "console/read-ops-notification"])
            .answers(json!({ "statusCode": 200, "body": { "items": [{
                "actor": "arn:aws:sts::123456789012:assumed-role/operator/kim",
                "action": "GET /v1/ops/notifications/{id}",
                "subject": { "id": SINGLE, "owner": "consultation-service" },
                "result": "done", "status": 200,
            }] } }))
            .stores(&[(SINGLE, Status::Queued)]),
        on("console/read-text").answers(problem(404, "id")),
        // The text is that of the revision that was in force when the message was requested.
        on("console/read-text")
            .after(&["enqueue/single", "console/change-template"])
            .answers(text)
            .stores(&[(SINGLE, Status::Queued)]),
        on("console/why").answers(problem(404, "id")),
        on("console/why")
            .after(&["enqueue/single", "console/pause-channel"])
            .answers(json!({
                "statusCode": 200,
                "body": {
                    "id": SINGLE,
                    "status": "queued",
                    "waiting_for": { "kind": "channel_paused" },
                    "holds": [{
                        "kind": "channel_paused",
                        "by": "arn:aws:sts::123456789012:assumed-role/operator/kim",
                    }],
                },
            }))
            .stores(&[(SINGLE, Status::Queued)]),
    ]
}

fn dead_letters() -> Vec<Case> {
    vec![
        on("console/dead-letters").answers(json!({ "statusCode": 200, "body": { "items": [] } })),
        on("console/redrive-dead-letter").answers(problem(404, "id")),
        on("console/redrive-dry-run").answers(json!({
            "statusCode": 200, "body": { "dry_run": true, "count": 0, "count_is_minimum": false },
        })),
    ]
}

fn restorations() -> Vec<Case> {
    // Longer than a sender lives.
    let pause = Duration::from_secs(61);
    vec![
        on("console/restored").answers(json!({
            "statusCode": 409,
            "headers": { "content-type": "application/problem+json" },
            "body": { "status": 409, "type": "/docs/errors.md#not-stopped" },
        })),
        on("console/restored")
            .after(&["enqueue/single", "console/pause-channel"])
            .and_a_pause(pause)
            .answers(json!({
                "statusCode": 200, "body": { "examined": 1, "moved": 1, "unreadable": 0 },
            }))
            .in_march_2026()
            .stores(&[(SINGLE, Status::Unknown)]),
    ]
}

fn schedules() -> Vec<Case> {
    let created = ["console/create-audience", "console/create-schedule"];
    vec![
        on("console/create-schedule").answers(problem(422, "audience")),
        on("console/create-schedule").after(&["console/create-audience"]).answers(json!({
            "statusCode": 201,
            "headers": { "etag": "\"1\"" },
            "body": { "name": "weekdays", "enabled": true, "outside_window": "refuse" },
        })),
        on("console/create-schedule-at-dawn")
            .after(&["console/create-audience"])
            .answers(problem(422, "expression")),
        on("console/schedule-history").answers(problem(404, "name")),
        on("console/schedule-history")
            .after(&[
                "console/create-audience",
                "console/create-schedule",
                "console/delete-schedule",
            ])
            .answers(json!({ "body": { "items": [
                { "revision": 2, "deleted": true },
                {
                    "revision": 1, "deleted": false,
                    "changed_by": "arn:aws:sts::123456789012:assumed-role/operator/kim",
                },
            ] } })),
        on("console/delete-schedule").answers(problem(404, "name")),
        on("console/delete-schedule").after(&created).answers(json!({ "statusCode": 204 })),
    ]
}

fn runs() -> Vec<Case> {
    let created = ["console/create-audience", "console/create-schedule"];
    let peopled = ["console/create-audience", "console/create-schedule", "console/upload-members"];
    vec![
        on("console/preview")
            .after(&peopled)
            .answers(json!({
                "statusCode": 200,
                "body": {
                    "times": [
                        { "at": "2026-03-02T11:00:00+09:00", "decision": "send" },
                        { "at": "2026-03-03T11:00:00+09:00" },
                        { "at": "2026-03-04T11:00:00+09:00" },
                        { "at": "2026-03-05T11:00:00+09:00" },
                        { "at": "2026-03-06T11:00:00+09:00" },
                    ],
                    "audience": { "size": 2 },
                    "warnings": [],
                },
            }))
            .in_march_2026(),
        on("console/dry-run").after(&created).answers(problem(422, "audience")),
        on("console/dry-run")
            .after(&peopled)
            .answers(json!({ "statusCode": 200, "body": { "members": 2, "sendable": 2 } })),
        on("console/runs").answers(problem(404, "name")),
        on("console/runs")
            .after(&created)
            .answers(json!({ "statusCode": 200, "body": { "items": [] } })),
    ]
}
