//! The cases of the sample events in `events/`.

use std::time::Duration;

use alimi::domain::Status;
use serde_json::{Value, json};

use crate::testing::sample_case::{Case, on};

// The ids that the events create and contain. An id is a hash of the caller's role, the route and
// the idempotency key, so a change of one of these in an event changes the ids in other events.
const SINGLE: &str = "29698ed96c0fc24da63deffce69aa3";
const SEQUENCE: &str = "f29498bc786b1b1027a46cf36aac06";
const FIRST_STEP: &str = "1a09fc8822815a86135dcc37dadf7a";
const SECOND_STEP: &str = "294342bf51c8430b7b7cd3f785142b";
const BULK_FIRST: &str = "c7a13031f93b2db56990b757593273";
const BULK_LAST: &str = "ad6c117236f42245b9d6893cb157a1";

const MEMBER_ONE: &str = "0f77ff2fd22d528ea42961f3555455";
const MEMBER_TWO: &str = "4c307d78ac62406204825a192d0595";

const OVER_THE_DEADLINE: Duration = Duration::from_mins(31);

fn problem(status: u16, field: &str) -> Value {
    json!({
        "statusCode": status,
        "headers": { "content-type": "application/problem+json" },
        "body": { "status": status, "field": field },
    })
}

fn ok() -> Value {
    json!({ "statusCode": 200, "body": { "result": "ok" } })
}

fn failed(messages: &[&str]) -> Value {
    let failures: Vec<_> = messages.iter().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": failures })
}

fn swept(lanes_woken: usize, deadlines_closed: usize) -> Value {
    json!({
        "lanes_woken": lanes_woken, "deadlines_closed": deadlines_closed, "channels_failed": 0,
    })
}

fn creating() -> Vec<Case> {
    let queued = json!({ "id": SINGLE, "status": "queued", "channel": "alimtalk-main" });
    vec![
        on("enqueue/single")
            .answers(json!({ "statusCode": 202, "body": queued }))
            .stores(&[(SINGLE, Status::Queued)]),
        on("enqueue/single")
            .after(&["enqueue/single"])
            .answers(json!({ "statusCode": 200, "body": queued }))
            .stores(&[(SINGLE, Status::Queued)]),
        // The replay comes from another session of the same role, with the body's members in
        // another order.
        on("enqueue/replay")
            .after(&["enqueue/single"])
            .answers(json!({ "statusCode": 200, "body": queued }))
            .stores(&[(SINGLE, Status::Queued)]),
        on("enqueue/key-reused")
            .after(&["enqueue/single"])
            .answers(problem(422, "Idempotency-Key"))
            .stores(&[(SINGLE, Status::Queued)]),
        on("enqueue/bulk")
            .answers(json!({
                "statusCode": 202,
                "body": { "items": [
                    { "index": 0, "id": BULK_FIRST, "status": "queued", "new": true },
                    { "index": 1, "problem": { "status": 422, "field": "template" } },
                    { "index": 2, "problem": { "status": 422, "field": "to.phone" } },
                    { "index": 3, "id": BULK_LAST, "status": "deferred", "new": true },
                ] },
            }))
            .stores(&[(BULK_FIRST, Status::Queued), (BULK_LAST, Status::Deferred)])
            .in_march_2026(),
        on("enqueue/sequence")
            .answers(json!({
                "statusCode": 202,
                "body": {
                    "id": SEQUENCE,
                    "steps": [
                        { "id": FIRST_STEP, "status": "queued" },
                        { "id": SECOND_STEP, "status": "blocked" },
                    ],
                },
            }))
            .stores(&[(FIRST_STEP, Status::Queued), (SECOND_STEP, Status::Blocked)]),
        on("enqueue/missing-idempotency-key").answers(problem(400, "Idempotency-Key")),
        on("enqueue/unknown-template").answers(problem(422, "template")),
        on("enqueue/malformed").answers(problem(400, "body")),
        on("enqueue/no-authorizer").answers(problem(403, "Authorization")),
    ]
}

fn reading_and_cancelling() -> Vec<Case> {
    vec![
        on("enqueue/read-notification").answers(problem(404, "id")),
        on("enqueue/read-notification")
            .after(&["enqueue/single"])
            .answers(json!({
                "statusCode": 200,
                "body": {
                    "id": SINGLE,
                    "status": "queued",
                    "recipient": { "id": "teacher-1", "phone": "*********78" },
                },
            }))
            .stores(&[(SINGLE, Status::Queued)]),
        on("enqueue/read-sequence").answers(problem(404, "id")),
        on("enqueue/read-sequence")
            .after(&["enqueue/sequence"])
            .answers(json!({
                "statusCode": 200,
                "body": {
                    "id": SEQUENCE,
                    "steps": [{ "sequence": { "step": 1 } }, { "sequence": { "step": 2 } }],
                },
            }))
            .stores(&[(FIRST_STEP, Status::Queued), (SECOND_STEP, Status::Blocked)]),
        on("enqueue/cancel").answers(problem(404, "id")),
        on("enqueue/cancel")
            .after(&["enqueue/single"])
            .answers(json!({ "statusCode": 200, "body": { "id": SINGLE, "status": "cancelled" } }))
            .stores(&[(SINGLE, Status::Cancelled)]),
        on("enqueue/cancel")
            .after(&["enqueue/single", "sender/wake"])
            .answers(problem(409, "id"))
            .stores(&[(SINGLE, Status::Accepted)]),
    ]
}

fn receipts_of_one() -> Vec<Case> {
    let sent = ["enqueue/single", "sender/wake"];
    let read_after = |receipt| {
        on("enqueue/read-notification").after(&["enqueue/single", "sender/wake", receipt])
    };
    let mut cases = vec![
        on("webhook/undelivered").after(&sent).answers(ok()).stores(&[(SINGLE, Status::Failed)]),
        read_after("webhook/undelivered")
            .answers(json!({ "body": { "reason": { "name": "undelivered", "code": "7308" } } }))
            .stores(&[(SINGLE, Status::Failed)]),
        on("webhook/uncertain").after(&sent).answers(ok()).stores(&[(SINGLE, Status::Accepted)]),
        read_after("webhook/uncertain")
            .answers(json!({ "body": { "receipts": [{ "attempt": 1, "code": "7305" }] } }))
            .stores(&[(SINGLE, Status::Accepted)]),
    ];
    for delivered in ["webhook/delivered", "webhook/older-spelling", "webhook/base64"] {
        cases.extend([
            on(delivered).after(&sent).answers(ok()).stores(&[(SINGLE, Status::Delivered)]),
            // The message is unknown or was never sent: another system may share the account.
            on(delivered).answers(ok()),
            on(delivered)
                .after(&["enqueue/single"])
                .answers(ok())
                .stores(&[(SINGLE, Status::Queued)]),
        ]);
    }
    for (ineffective, answer) in [
        ("webhook/unknown-refkey", ok()),
        ("webhook/foreign-refkey", ok()),
        ("webhook/wrong-secret", problem(404, "path")),
        ("webhook/malformed", problem(400, "RESULT")),
    ] {
        cases.push(
            on(ineffective).after(&sent).answers(answer).stores(&[(SINGLE, Status::Accepted)]),
        );
    }
    cases
}

fn receipts_of_a_sequence() -> Vec<Case> {
    let sent = ["enqueue/sequence", "sender/wake"];
    vec![
        on("webhook/first-step-delivered")
            .after(&sent)
            .answers(ok())
            .stores(&[(FIRST_STEP, Status::Delivered), (SECOND_STEP, Status::Queued)]),
        // The fallback may still be delivered.
        on("webhook/first-choice-undelivered")
            .after(&sent)
            .answers(ok())
            .stores(&[(FIRST_STEP, Status::Accepted), (SECOND_STEP, Status::Blocked)]),
        on("webhook/fallback-delivered")
            .after(&["enqueue/sequence", "sender/wake", "webhook/first-choice-undelivered"])
            .answers(ok())
            .stores(&[(FIRST_STEP, Status::Delivered), (SECOND_STEP, Status::Queued)]),
        on("webhook/fallback-delivered")
            .after(&sent)
            .answers(ok())
            .stores(&[(FIRST_STEP, Status::Delivered), (SECOND_STEP, Status::Queued)]),
        // The same receipt again has no effect: the second step is not queued again.
        on("webhook/fallback-delivered")
            .after(&[
                "enqueue/sequence",
                "sender/wake",
                "webhook/fallback-delivered",
                "sender/wake",
            ])
            .answers(ok())
            .stores(&[(FIRST_STEP, Status::Delivered), (SECOND_STEP, Status::Accepted)]),
    ]
}

fn waking() -> Vec<Case> {
    let waiting = ["enqueue/single"];
    vec![
        on("sender/wake").answers(failed(&[])),
        on("sender/wake")
            .after(&waiting)
            .answers(failed(&[]))
            .stores(&[(SINGLE, Status::Accepted)]),
        on("sender/batch")
            .after(&waiting)
            .answers(failed(&[]))
            .stores(&[(SINGLE, Status::Accepted)]),
        on("sender/no-wake")
            .after(&waiting)
            .answers(failed(&["2a34aa93-756a-44b9-80a3-d5c4b171613c"]))
            .stores(&[(SINGLE, Status::Queued)]),
        on("sender/no-group-of-ours")
            .after(&waiting)
            .answers(failed(&["a5951644-2220-41e1-b2c1-e471a36c45c5"]))
            .stores(&[(SINGLE, Status::Queued)]),
        on("sender/batch-with-no-wake")
            .after(&waiting)
            .answers(failed(&["cdeadaf1-b4ee-4bc8-8229-819ec764145d"]))
            .stores(&[(SINGLE, Status::Accepted)]),
        // A retry would change nothing, so the message counts as handled.
        on("sender/unknown-channel")
            .after(&waiting)
            .answers(failed(&[]))
            .stores(&[(SINGLE, Status::Queued)]),
    ]
}

fn sweeping() -> Vec<Case> {
    vec![
        on("sweeper/tick").answers(swept(0, 0)),
        on("sweeper/tick")
            .after(&["enqueue/single"])
            .answers(swept(1, 0))
            .stores(&[(SINGLE, Status::Queued)]),
        on("sweeper/tick")
            .after(&["enqueue/single", "sender/wake"])
            .answers(swept(0, 0))
            .stores(&[(SINGLE, Status::Accepted)]),
        on("sweeper/tick")
            .after(&["enqueue/single", "sender/wake"])
            .and_a_pause(OVER_THE_DEADLINE)
            .answers(swept(0, 1))
            .stores(&[(SINGLE, Status::Unconfirmed)]),
    ]
}

fn configuring() -> Vec<Case> {
    let answered = |status: u16, etag: &str, body: Value| json!({ "statusCode": status, "headers": { "etag": etag }, "body": body });
    vec![
        on("console/list-channels").answers(json!({
            "statusCode": 200,
            "body": { "items": [
                { "name": "alimtalk-main", "revision": 1, "changed_by": "catalog file" },
            ] },
        })),
        on("console/read-channel").answers(answered(200, "\"1\"", json!({ "paused": false }))),
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
        on("console/change-template").answers(answered(
            200,
            "\"2\"",
            json!({ "code": "PHOTO_VIDEO_02" }),
        )),
        on("console/change-template").after(&["console/change-template"]).answers(answered(
            412,
            "\"2\"",
            json!({ "field": "If-Match" }),
        )),
        on("console/change-without-if-match").answers(problem(428, "If-Match")),
        on("console/create-hours").answers(answered(
            201,
            "\"1\"",
            json!({ "scheduled": { "from": "09:00" }, "advertising": { "to": "20:50" } }),
        )),
        on("console/create-audience").answers(answered(
            201,
            "\"1\"",
            json!({ "name": "teachers" }),
        )),
        on("console/upload-members").answers(problem(404, "name")),
        on("console/upload-members").after(&["console/create-audience"]).answers(answered(
            200,
            "\"2\"",
            json!({
                "members": 2, "size": 2, "committed": true, "duplicate": 0, "bad_line_count": 1,
                "bad_lines": [{ "line": 4, "field": "phone" }],
            }),
        )),
        on("console/upload-last-part")
            .after(&["console/create-audience"])
            .answers(problem(422, "first_line")),
    ]
}

fn scheduling() -> Vec<Case> {
    let created = ["console/create-audience", "console/create-schedule"];
    let peopled = ["console/create-audience", "console/create-schedule", "console/upload-members"];
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
        on("console/delete-schedule").answers(problem(404, "name")),
        on("console/delete-schedule").after(&created).answers(json!({ "statusCode": 204 })),
    ]
}

/// The schedule `daily` and its audience of two exist before each event.
fn firing() -> Vec<Case> {
    let two = [(MEMBER_ONE, Status::Queued), (MEMBER_TWO, Status::Queued)];
    let ended = json!({ "outcome": "ended", "counts": { "members": 2, "stored": 2 } });
    vec![
        on("trigger/fired").answers(ended.clone()).stores(&two),
        on("trigger/fired-with-fractions").answers(ended.clone()).stores(&two),
        // The scheduler may deliver an event twice. The second one has no effect.
        on("trigger/fired-with-fractions")
            .after(&["trigger/fired", "trigger/go-on"])
            .answers(ended)
            .stores(&two),
        on("trigger/go-on").answers(failed(&[])).stores(&two),
        on("trigger/redriven-firing").answers(failed(&[])).stores(&two),
        on("trigger/redriven-invocation").answers(failed(&[])).stores(&two),
        on("trigger/no-run").answers(failed(&["5f0c5d3a-5a2e-4d55-9a0c-0e5f6b1f7c03"])),
        // A retry would change nothing, so the message counts as handled.
        on("trigger/unknown-schedule").answers(json!({ "outcome": "no_such_schedule" })),
    ]
}

fn planning() -> Vec<Case> {
    ["planner/changed", "planner/deleted", "planner/many"]
        .map(|event| on(event).answers(failed(&[])))
        .into()
}

/// Every case. Each event has at least one.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        creating(),
        reading_and_cancelling(),
        receipts_of_one(),
        receipts_of_a_sequence(),
        waking(),
        sweeping(),
        configuring(),
        scheduling(),
        firing(),
        planning(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
