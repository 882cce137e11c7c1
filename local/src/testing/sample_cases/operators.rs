//! Requests of operators.

use std::time::Duration;

use alimi::domain::Status;
use serde_json::{Value, json};

use super::answers::{failed, problem};
use super::ids::{FIRST_STEP, SECOND_STEP, SEQUENCE, SINGLE};
use crate::testing::sample_case::{Case, on};

pub(super) fn cases() -> Vec<Case> {
    [
        channels(),
        receipt_secrets(),
        api_keys(),
        templates(),
        other_documents(),
        uploads(),
        notifications(),
        cancellations(),
        restorations(),
        dead_letters(),
        decisions(),
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

fn api_keys() -> Vec<Case> {
    let sample = json!({
        "id": "consultation-service.5f0c9a1b2d3e4f60",
        "scopes": ["notifications:read", "notifications:write"],
        "created_by": "kim", "expires_at": null, "has_expired": false, "last_used_at": null,
    });
    vec![
        on("console/create-api-key").answers(json!({
            "statusCode": 201,
            "headers": { "cache-control": "no-store" },
            "body": {
                "scopes": ["notifications:write"],
                "created_by": "arn:aws:sts::123456789012:assumed-role/operator/kim",
                "expires_at": "2099-12-30T15:00:00Z",
            },
        })),
        on("console/create-api-key-with-unknown-scope").answers(problem(422, "scopes[0]")),
        on("console/list-api-keys")
            .answers(json!({ "statusCode": 200, "body": { "items": [sample] } })),
        on("console/delete-api-key").answers(json!({ "statusCode": 204 })),
        // The other key stays.
        on("console/list-api-keys")
            .after(&["console/create-api-key", "console/delete-api-key"])
            .answers(json!({
                "statusCode": 200,
                "body": { "items": [{ "scopes": ["notifications:write"] }] },
            })),
        on("console/delete-api-key").after(&["console/delete-api-key"]).answers(problem(404, "id")),
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
        on("console/list-exceptions")
            .answers(json!({ "statusCode": 200, "body": { "items": [] } })),
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

fn cancellations() -> Vec<Case> {
    vec![
        on("console/cancel-ops-notification").answers(problem(404, "id")),
        on("console/cancel-ops-notification")
            .after(&["enqueue/single"])
            .answers(json!({
                "statusCode": 200,
                "body": { "status": "cancelled", "owner": "consultation-service" },
            }))
            .stores(&[(SINGLE, Status::Cancelled)]),
        on("console/cancel-ops-notification")
            .after(&["enqueue/single", "sender/wake"])
            .answers(problem(409, "id"))
            .stores(&[(SINGLE, Status::Accepted)]),
        on("console/read-ops-sequence").answers(problem(404, "id")),
        on("console/read-ops-sequence")
            .after(&["enqueue/sequence"])
            .answers(json!({
                "statusCode": 200,
                "body": { "id": SEQUENCE, "owner": "consultation-service" },
            }))
            .stores(&[(FIRST_STEP, Status::Queued), (SECOND_STEP, Status::Blocked)]),
        on("console/cancel-ops-sequence").answers(problem(404, "id")),
        on("console/cancel-ops-sequence")
            .after(&["enqueue/sequence"])
            .answers(json!({
                "statusCode": 200,
                "body": { "id": SEQUENCE, "owner": "consultation-service" },
            }))
            .stores(&[(FIRST_STEP, Status::Cancelled), (SECOND_STEP, Status::Cancelled)]),
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

fn decisions() -> Vec<Case> {
    let failed = ["enqueue/single", "sender/wake", "webhook/undelivered"];
    let decided = |event| {
        on(event).after(&["enqueue/single", "sender/wake", "webhook/undelivered", "console/resend"])
    };
    vec![
        on("console/resend")
            .after(&failed)
            .answers(answered(200, "\"4\"", json!({ "status": "queued", "repeated": false })))
            .stores(&[(SINGLE, Status::Queued)]),
        decided("console/resend")
            .answers(answered(200, "\"4\"", json!({ "status": "queued", "repeated": true })))
            .stores(&[(SINGLE, Status::Queued)]),
        // It was sent again meanwhile.
        decided("console/settle").answers(problem(409, "id")).stores(&[(SINGLE, Status::Queued)]),
        on("console/settle")
            .after(&failed)
            .answers(answered(200, "\"4\"", json!({ "status": "failed", "settled": true })))
            .stores(&[(SINGLE, Status::Failed)]),
        on("console/resend").answers(problem(404, "id")),
        on("console/resend").after(&["enqueue/single"]).answers(problem(412, "If-Match")).stores(&[
            (SINGLE, Status::Queued),
        ]),
        on("console/count-exceptions").after(&failed).answers(json!({
            "statusCode": 200,
            "body": { "dry_run": true, "counts": { "failed": 1 }, "total": 1, "is_minimum": false },
        })).stores(&[(SINGLE, Status::Failed)]),
        on("console/stop-unknown-job").answers(problem(404, "id")),
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
        on("console/run-now").answers(problem(404, "name")),
        on("console/run-now")
            .after(&created)
            .answers(json!({
                "statusCode": 202,
                "body": {
                    "id": "weekdays@2026-03-02T01:00:00Z", "status": "storing",
                    "by_hand": { "reason": "the list of teachers was late" },
                },
            }))
            .in_march_2026(),
        on("console/run-now")
            .after(&["console/create-audience", "console/create-schedule", "console/run-now"])
            .answers(json!({
                "statusCode": 200, "body": { "id": "weekdays@2026-03-02T01:00:00Z" },
            }))
            .in_march_2026(),
        on("console/cancel-run").answers(problem(404, "id")),
        on("console/cancel-run")
            .after(&["console/create-audience", "console/create-schedule", "console/run-now"])
            .answers(json!({ "statusCode": 202, "body": { "status": "cancelling" } }))
            .in_march_2026(),
    ]
}
