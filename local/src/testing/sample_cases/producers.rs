//! Requests of producers.

use alimi::domain::Status;
use serde_json::json;

use super::answers::problem;
use super::ids::{FIRST_STEP, SECOND_STEP, SEQUENCE, SINGLE};
use crate::testing::sample_case::{Case, on};

const BULK_FIRST: &str = "da4b5c2415b0bdec0ffb3691a1c162";
const BULK_LAST: &str = "20b2aee58354d31aca5d9215e16e0c";

/// The steps of the sequence with a fallback.
const FALLBACK_STEPS: [&str; 3] = [
    "d3c4a316441c56c2551606a93aef8c",
    "03822ab17c92deda809804f65b7140",
    "55e5a6e36c1681305772d3599ba533",
];

pub(super) fn cases() -> Vec<Case> {
    [creating(), by_key(), creating_sequences(), reading(), cancelling()]
        .into_iter()
        .flatten()
        .collect()
}

fn creating() -> Vec<Case> {
    let queued = json!({ "id": SINGLE, "status": "queued", "channel": "alimtalk-main" });
    let location = json!({ "location": format!("/v1/notifications/{SINGLE}") });
    vec![
        on("enqueue/single")
            .answers(json!({ "statusCode": 202, "headers": location, "body": queued }))
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
                    { "index": 1, "problem": { "status": 422, "field": "[1].template" } },
                    { "index": 2, "problem": { "status": 422, "field": "[2].to.phone" } },
                    { "index": 3, "id": BULK_LAST, "status": "deferred", "new": true },
                ] },
            }))
            .stores(&[(BULK_FIRST, Status::Queued), (BULK_LAST, Status::Deferred)])
            .in_march_2026(),
        on("enqueue/missing-idempotency-key").answers(problem(400, "Idempotency-Key")),
        on("enqueue/unknown-template").answers(problem(422, "template")),
        on("enqueue/malformed").answers(problem(400, "body")),
        // API Gateway's id of the request is in the answer.
        on("enqueue/malformed").answers(json!({
            "headers": { "x-request-id": "lh5LQJjxpalb8lL=" },
            "body": { "request_id": "lh5LQJjxpalb8lL=" },
        })),
        on("enqueue/no-authorizer").answers(problem(403, "Authorization")),
        on("enqueue/read-errors").answers(json!({
            "statusCode": 200, "headers": { "x-request-id": "q7RkYhM2PLb0Tc8=" },
        })),
    ]
}

/// Requests with an API key, whose authorizer has recognised it.
fn by_key() -> Vec<Case> {
    let queued = json!({ "id": SINGLE, "status": "queued" });
    vec![
        on("enqueue/single-by-key")
            .answers(json!({ "statusCode": 202, "body": queued }))
            .stores(&[(SINGLE, Status::Queued)]),
        // A key and a role of one producer share its idempotency keys.
        on("enqueue/single-by-key")
            .after(&["enqueue/single"])
            .answers(json!({ "statusCode": 200, "body": queued }))
            .stores(&[(SINGLE, Status::Queued)]),
        on("enqueue/single-by-read-only-key").answers(problem(403, "Authorization")),
        // The authorizer's answer is kept for a minute, and the producer was deleted meanwhile.
        on("enqueue/read-by-key-of-deleted-producer").answers(problem(403, "Authorization")),
    ]
}

fn creating_sequences() -> Vec<Case> {
    let [first, fallback, last] = FALLBACK_STEPS;
    vec![
        on("enqueue/sequence")
            .answers(json!({
                "statusCode": 202,
                "headers": { "location": format!("/v1/sequences/{SEQUENCE}") },
                "body": {
                    "id": SEQUENCE,
                    "steps": [
                        { "gate": FIRST_STEP, "notifications": [{ "status": "queued" }] },
                        { "gate": SECOND_STEP, "notifications": [{ "status": "blocked" }] },
                    ],
                },
            }))
            .stores(&[(FIRST_STEP, Status::Queued), (SECOND_STEP, Status::Blocked)]),
        on("enqueue/sequence-with-fallback")
            .answers(json!({
                "statusCode": 202,
                "body": {
                    "on_failure": "halt",
                    "on_unconfirmed": "continue",
                    "steps": [
                        { "notifications": [
                            { "id": first, "status": "queued", "data": { "consultation": 4021 } },
                        ] },
                        {
                            "after": "failed",
                            "notifications": [{ "id": fallback, "status": "blocked" }],
                        },
                        {
                            "after": "finished",
                            "notifications": [{ "id": last, "status": "blocked" }],
                        },
                    ],
                },
            }))
            .stores(&[
                (first, Status::Queued),
                (fallback, Status::Blocked),
                (last, Status::Blocked),
            ]),
        on("enqueue/sequence-with-two-gates").answers(problem(422, "steps[1]")),
    ]
}

fn reading() -> Vec<Case> {
    vec![
        on("enqueue/read-notification").answers(problem(404, "id")),
        on("enqueue/read-notification")
            .after(&["enqueue/single"])
            .answers(json!({
                "statusCode": 200,
                "body": {
                    "id": SINGLE,
                    "status": "queued",
                    "recipient": { "id": "teacher-1", "phone": "***********78" },
                },
            }))
            .stores(&[(SINGLE, Status::Queued)]),
        on("enqueue/list-by-recipient")
            .answers(json!({ "statusCode": 200, "body": { "items": [] } })),
        on("enqueue/list-by-recipient")
            .after(&["enqueue/single"])
            .answers(json!({
                "statusCode": 200,
                "body": { "items": [{ "id": SINGLE, "recipient": { "id": "teacher-1" } }] },
            }))
            .stores(&[(SINGLE, Status::Queued)]),
        on("enqueue/list-foreign-cursor").answers(problem(422, "cursor")),
        on("enqueue/read-sequence").answers(problem(404, "id")),
        on("enqueue/read-sequence")
            .after(&["enqueue/sequence"])
            .answers(json!({
                "statusCode": 200,
                "body": {
                    "id": SEQUENCE,
                    "steps": [
                        { "notifications": [{ "sequence": { "step": 1 } }] },
                        { "notifications": [{ "sequence": { "step": 2 } }] },
                    ],
                },
            }))
            .stores(&[(FIRST_STEP, Status::Queued), (SECOND_STEP, Status::Blocked)]),
    ]
}

fn cancelling() -> Vec<Case> {
    let statuses = |first: &str, second: &str| {
        json!({
            "statusCode": 200,
            "body": { "id": SEQUENCE, "steps": [
                { "notifications": [{ "status": first }] },
                { "notifications": [{ "status": second }] },
            ] },
        })
    };
    vec![
        on("enqueue/cancel").answers(problem(404, "id")),
        on("enqueue/cancel")
            .after(&["enqueue/single"])
            .answers(json!({ "statusCode": 200, "body": { "id": SINGLE, "status": "cancelled" } }))
            .stores(&[(SINGLE, Status::Cancelled)]),
        on("enqueue/cancel")
            .after(&["enqueue/single", "sender/wake"])
            .answers(problem(409, "id"))
            .stores(&[(SINGLE, Status::Accepted)]),
        on("enqueue/cancel-sequence").answers(problem(404, "id")),
        on("enqueue/cancel-sequence")
            .after(&["enqueue/sequence"])
            .answers(statuses("cancelled", "cancelled"))
            .stores(&[(FIRST_STEP, Status::Cancelled), (SECOND_STEP, Status::Cancelled)]),
        // What has left stays as it is.
        on("enqueue/cancel-sequence")
            .after(&["enqueue/sequence", "sender/wake"])
            .answers(statuses("accepted", "cancelled"))
            .stores(&[(FIRST_STEP, Status::Accepted), (SECOND_STEP, Status::Cancelled)]),
    ]
}
