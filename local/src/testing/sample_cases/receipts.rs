//! Receipts of the provider.

use alimi::domain::Status;
use serde_json::{Value, json};

use super::answers::{failed, problem};
use super::ids::{FIRST_STEP, SECOND_STEP, SINGLE};
use crate::testing::sample_case::{Case, on};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = receipts_of_one();
    cases.extend(receipts_of_a_sequence());
    cases.extend(receipts_that_waited());
    cases
}

fn ok() -> Value {
    json!({ "statusCode": 200, "body": { "result": "ok" } })
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
    cases.extend([
        // A new secret leaves the others valid.
        on("webhook/delivered")
            .after(&["enqueue/single", "sender/wake", "console/create-receipt-secret"])
            .answers(ok())
            .stores(&[(SINGLE, Status::Delivered)]),
        on("webhook/delivered")
            .after(&["enqueue/single", "sender/wake", "console/delete-receipt-secret"])
            .answers(problem(404, "path"))
            .stores(&[(SINGLE, Status::Accepted)]),
    ]);
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

/// Receipts in the queue, which the webhook could not record when they came.
fn receipts_that_waited() -> Vec<Case> {
    let sent = ["enqueue/single", "sender/wake"];
    let mut cases = vec![
        on("webhook/queued-wrong-secret")
            .after(&sent)
            .answers(failed(&[]))
            .stores(&[(SINGLE, Status::Accepted)]),
        // The receipts come in the wrong order, and one message holds none.
        on("webhook/queued-batch")
            .after(&["enqueue/sequence", "sender/wake"])
            .answers(failed(&["7a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c05"]))
            .stores(&[(FIRST_STEP, Status::Delivered), (SECOND_STEP, Status::Queued)]),
    ];
    for queued in ["webhook/queued", "webhook/queued-unverified"] {
        cases.extend([
            on(queued).after(&sent).answers(failed(&[])).stores(&[(SINGLE, Status::Delivered)]),
            // Recorded already: nobody was told that the first try succeeded.
            on(queued)
                .after(&["enqueue/single", "sender/wake", "webhook/delivered"])
                .answers(failed(&[]))
                .stores(&[(SINGLE, Status::Delivered)]),
            on(queued).answers(failed(&[])),
        ]);
    }
    cases
}
