//! The sample events of `events/`, and what becomes of each: what is answered, and what is stored
//! afterwards.
#![expect(clippy::expect_used, clippy::panic, reason = "these fail what checks the events")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alimi::domain::Status;
use alimi::http::{iam_caller, iam_identity};
use alimi::ports::scheduling::Scheduler;
use alimi::store::DynamoStore;
use aws_lambda_events::sqs::SqsEvent;
use axum::Router;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::schedules;
use crate::stack::Stack;
use crate::world::Doom;

// What the events make, and name. Ids follow from the caller's role, the route and the idempotency
// key: whoever changes one of these in an event changes the ids in the others.
const SINGLE: &str = "29698ed96c0fc24da63deffce69aa3";
const SEQUENCE: &str = "f29498bc786b1b1027a46cf36aac06";
const FIRST_STEP: &str = "1a09fc8822815a86135dcc37dadf7a";
const SECOND_STEP: &str = "294342bf51c8430b7b7cd3f785142b";
const BULK_FIRST: &str = "c7a13031f93b2db56990b757593273";
const BULK_LAST: &str = "ad6c117236f42245b9d6893cb157a1";

const MEMBER_ONE: &str = "0f77ff2fd22d528ea42961f3555455";
const MEMBER_TWO: &str = "4c307d78ac62406204825a192d0595";

const OVER_THE_DEADLINE: Duration = Duration::from_mins(31);

/// What one event meets and what becomes of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The event: its file in `events/`, without the ending.
    pub event: &'static str,
    /// The events that were handled before.
    pub before: Vec<&'static str>,
    /// What passed between them and this one.
    pub pause: Duration,
    /// The answer's members; it may have others.
    pub answer: Value,
    /// Whether it is answered so whatever the time is, and not in March 2026 only.
    pub is_timeless: bool,
    /// All that is stored then.
    pub left: Vec<(&'static str, Status)>,
}

/// An event that meets an empty store.
fn on(event: &'static str) -> Case {
    Case {
        event,
        before: vec![],
        pause: Duration::ZERO,
        answer: Value::Null,
        is_timeless: true,
        left: vec![],
    }
}

impl Case {
    /// These were handled before.
    fn after(mut self, events: &[&'static str]) -> Self {
        self.before = events.to_vec();
        self
    }

    /// And then time passed.
    fn and_a_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The answer has these members, and may have others.
    fn answers(mut self, answer: Value) -> Self {
        self.answer = answer;
        self
    }

    /// So it is in March 2026. At other times the events' own times would make another answer.
    fn in_march_2026(mut self) -> Self {
        self.is_timeless = false;
        self
    }

    /// All that is stored then. Nothing, where this is not said.
    fn leaves(mut self, left: &[(&'static str, Status)]) -> Self {
        self.left = left.to_vec();
        self
    }
}

fn problem(status: u16, field: &str) -> Value {
    json!({
        "statusCode": status,
        "headers": { "content-type": "application/problem+json" },
        "body": { "status": status, "field": field },
    })
}

fn taken() -> Value {
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
            .leaves(&[(SINGLE, Status::Queued)]),
        on("enqueue/single")
            .after(&["enqueue/single"])
            .answers(json!({ "statusCode": 200, "body": queued }))
            .leaves(&[(SINGLE, Status::Queued)]),
        // Another session of the same role, and the body's members in another order.
        on("enqueue/replay")
            .after(&["enqueue/single"])
            .answers(json!({ "statusCode": 200, "body": queued }))
            .leaves(&[(SINGLE, Status::Queued)]),
        on("enqueue/key-reused")
            .after(&["enqueue/single"])
            .answers(problem(422, "Idempotency-Key"))
            .leaves(&[(SINGLE, Status::Queued)]),
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
            .leaves(&[(BULK_FIRST, Status::Queued), (BULK_LAST, Status::Deferred)])
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
            .leaves(&[(FIRST_STEP, Status::Queued), (SECOND_STEP, Status::Blocked)]),
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
            .leaves(&[(SINGLE, Status::Queued)]),
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
            .leaves(&[(FIRST_STEP, Status::Queued), (SECOND_STEP, Status::Blocked)]),
        on("enqueue/cancel").answers(problem(404, "id")),
        on("enqueue/cancel")
            .after(&["enqueue/single"])
            .answers(json!({ "statusCode": 200, "body": { "id": SINGLE, "status": "cancelled" } }))
            .leaves(&[(SINGLE, Status::Cancelled)]),
        on("enqueue/cancel")
            .after(&["enqueue/single", "sender/wake"])
            .answers(problem(409, "id"))
            .leaves(&[(SINGLE, Status::Accepted)]),
    ]
}

fn receipts_of_one() -> Vec<Case> {
    let sent = ["enqueue/single", "sender/wake"];
    let read_after = |receipt| {
        on("enqueue/read-notification").after(&["enqueue/single", "sender/wake", receipt])
    };
    let mut cases = vec![
        on("webhook/undelivered").after(&sent).answers(taken()).leaves(&[(SINGLE, Status::Failed)]),
        read_after("webhook/undelivered")
            .answers(json!({ "body": { "reason": { "name": "undelivered", "code": "7308" } } }))
            .leaves(&[(SINGLE, Status::Failed)]),
        on("webhook/uncertain").after(&sent).answers(taken()).leaves(&[(SINGLE, Status::Accepted)]),
        read_after("webhook/uncertain")
            .answers(json!({ "body": { "receipts": [{ "attempt": 1, "code": "7305" }] } }))
            .leaves(&[(SINGLE, Status::Accepted)]),
    ];
    for delivered in ["webhook/delivered", "webhook/older-spelling", "webhook/base64"] {
        cases.extend([
            on(delivered).after(&sent).answers(taken()).leaves(&[(SINGLE, Status::Delivered)]),
            // Nothing of it is here, or it was never sent: another system shares the account.
            on(delivered).answers(taken()),
            on(delivered)
                .after(&["enqueue/single"])
                .answers(taken())
                .leaves(&[(SINGLE, Status::Queued)]),
        ]);
    }
    for (ineffective, answer) in [
        ("webhook/unknown-refkey", taken()),
        ("webhook/foreign-refkey", taken()),
        ("webhook/wrong-secret", problem(404, "path")),
        ("webhook/malformed", problem(400, "RESULT")),
    ] {
        cases.push(
            on(ineffective).after(&sent).answers(answer).leaves(&[(SINGLE, Status::Accepted)]),
        );
    }
    cases
}

fn receipts_of_a_sequence() -> Vec<Case> {
    let sent = ["enqueue/sequence", "sender/wake"];
    vec![
        on("webhook/first-step-delivered")
            .after(&sent)
            .answers(taken())
            .leaves(&[(FIRST_STEP, Status::Delivered), (SECOND_STEP, Status::Queued)]),
        // Its fallback may still arrive.
        on("webhook/first-choice-undelivered")
            .after(&sent)
            .answers(taken())
            .leaves(&[(FIRST_STEP, Status::Accepted), (SECOND_STEP, Status::Blocked)]),
        on("webhook/fallback-delivered")
            .after(&["enqueue/sequence", "sender/wake", "webhook/first-choice-undelivered"])
            .answers(taken())
            .leaves(&[(FIRST_STEP, Status::Delivered), (SECOND_STEP, Status::Queued)]),
        on("webhook/fallback-delivered")
            .after(&sent)
            .answers(taken())
            .leaves(&[(FIRST_STEP, Status::Delivered), (SECOND_STEP, Status::Queued)]),
        // Twice is once: the second step is not queued again.
        on("webhook/fallback-delivered")
            .after(&[
                "enqueue/sequence",
                "sender/wake",
                "webhook/fallback-delivered",
                "sender/wake",
            ])
            .answers(taken())
            .leaves(&[(FIRST_STEP, Status::Delivered), (SECOND_STEP, Status::Accepted)]),
    ]
}

fn waking() -> Vec<Case> {
    let waiting = ["enqueue/single"];
    vec![
        on("sender/wake").answers(failed(&[])),
        on("sender/wake")
            .after(&waiting)
            .answers(failed(&[]))
            .leaves(&[(SINGLE, Status::Accepted)]),
        on("sender/batch")
            .after(&waiting)
            .answers(failed(&[]))
            .leaves(&[(SINGLE, Status::Accepted)]),
        on("sender/no-wake")
            .after(&waiting)
            .answers(failed(&["2a34aa93-756a-44b9-80a3-d5c4b171613c"]))
            .leaves(&[(SINGLE, Status::Queued)]),
        on("sender/no-group-of-ours")
            .after(&waiting)
            .answers(failed(&["a5951644-2220-41e1-b2c1-e471a36c45c5"]))
            .leaves(&[(SINGLE, Status::Queued)]),
        on("sender/batch-with-no-wake")
            .after(&waiting)
            .answers(failed(&["cdeadaf1-b4ee-4bc8-8229-819ec764145d"]))
            .leaves(&[(SINGLE, Status::Accepted)]),
        // Trying it again would change nothing.
        on("sender/unknown-channel")
            .after(&waiting)
            .answers(failed(&[]))
            .leaves(&[(SINGLE, Status::Queued)]),
    ]
}

fn sweeping() -> Vec<Case> {
    vec![
        on("sweeper/tick").answers(swept(0, 0)),
        on("sweeper/tick")
            .after(&["enqueue/single"])
            .answers(swept(1, 0))
            .leaves(&[(SINGLE, Status::Queued)]),
        on("sweeper/tick")
            .after(&["enqueue/single", "sender/wake"])
            .answers(swept(0, 0))
            .leaves(&[(SINGLE, Status::Accepted)]),
        on("sweeper/tick")
            .after(&["enqueue/single", "sender/wake"])
            .and_a_pause(OVER_THE_DEADLINE)
            .answers(swept(0, 1))
            .leaves(&[(SINGLE, Status::Unconfirmed)]),
    ]
}

fn configuring() -> Vec<Case> {
    let answered = |status: u16, etag: &str, body: Value| json!({ "statusCode": status, "headers": { "etag": etag }, "body": body });
    vec![
        on("console/list-channels").answers(json!({
            "statusCode": 200,
            "body": { "items": [{ "name": "alimtalk-main", "revision": 1, "changed_by": "catalog file" }] },
        })),
        on("console/read-channel").answers(answered(200, "\"1\"", json!({ "paused": false }))),
        on("console/pause-channel").answers(answered(200, "\"2\"", json!({ "paused": true }))),
        on("console/resume-channel").answers(answered(200, "\"1\"", json!({ "paused": false }))),
        on("console/resume-channel")
            .after(&["console/pause-channel"])
            .answers(answered(200, "\"3\"", json!({ "paused": false }))),
        // Nothing leaves meanwhile.
        on("sender/wake")
            .after(&["enqueue/single", "console/pause-channel"])
            .answers(failed(&[]))
            .leaves(&[(SINGLE, Status::Queued)]),
        on("console/delete-channel-in-use").answers(problem(409, "name")),
        on("console/change-template")
            .answers(answered(200, "\"2\"", json!({ "code": "PHOTO_VIDEO_02" }))),
        on("console/change-template")
            .after(&["console/change-template"])
            .answers(answered(412, "\"2\"", json!({ "field": "If-Match" }))),
        on("console/change-without-if-match").answers(problem(428, "If-Match")),
        on("console/create-hours").answers(answered(
            201,
            "\"1\"",
            json!({ "scheduled": { "from": "09:00" }, "advertising": { "to": "20:50" } }),
        )),
        on("console/create-audience").answers(answered(201, "\"1\"", json!({ "name": "teachers" }))),
        on("console/upload-members").answers(problem(404, "name")),
        on("console/upload-members").after(&["console/create-audience"]).answers(answered(
            200,
            "\"2\"",
            json!({
                "members": 2, "size": 2, "committed": true, "doubled": 0, "bad_line_count": 1,
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

/// The schedule `daily` and its audience of two are there before each event.
fn firing() -> Vec<Case> {
    let two = [(MEMBER_ONE, Status::Queued), (MEMBER_TWO, Status::Queued)];
    let ended = json!({ "outcome": "ended", "counts": { "members": 2, "stored": 2 } });
    vec![
        on("trigger/fired").answers(ended.clone()).leaves(&two),
        on("trigger/fired-with-fractions").answers(ended.clone()).leaves(&two),
        // At least once delivered, exactly once effective.
        on("trigger/fired-with-fractions")
            .after(&["trigger/fired", "trigger/go-on"])
            .answers(ended)
            .leaves(&two),
        on("trigger/go-on").answers(failed(&[])).leaves(&two),
        on("trigger/redriven-firing").answers(failed(&[])).leaves(&two),
        on("trigger/redriven-invocation").answers(failed(&[])).leaves(&two),
        on("trigger/no-run").answers(failed(&["5f0c5d3a-5a2e-4d55-9a0c-0e5f6b1f7c03"])),
        // Trying it again would change nothing.
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

/// A schedule, and a file with its two members.
///
/// # Panics
/// When it is not stored.
pub async fn save_schedule(store: &DynamoStore, stack: &Stack) {
    let audience = json!({
        "name": "all",
        "source": { "kind": "s3", "bucket": "bucket", "key": "all.csv", "format": "csv" },
    });
    let audience = serde_json::from_value(audience).expect("an audience");
    store.put_audience(&audience).await.expect("stored");
    let schedule = json!({
        "name": "daily", "expression": "cron(0 10 * * ? *)", "template": "photo-and-video",
        "audience": "all",
    });
    let schedule = serde_json::from_value(schedule).expect("a schedule");
    store.put_schedule(&schedule).await.expect("stored");
    let file = "id,phone,name,code\nm1,01012345678,김하나,a1\nm2,01012345678,김하나,a1\n";
    stack.files.save("bucket", "all.csv", file);
}

/// Invokes the function that an event is for, and answers with what Lambda is answered. The body
/// of an HTTP answer is shown as the JSON that it is.
///
/// # Panics
/// When the event is none, or is not answered.
pub async fn invoke(stack: &Stack, event: &str) -> Value {
    let text = read(event);
    match event.split_once('/') {
        Some(("enqueue", _)) => serve(stack.enqueue_called_by(iam_caller), &text).await,
        Some(("console", _)) => serve(stack.console_called_by(iam_identity), &text).await,
        Some(("webhook", _)) => serve(stack.webhook.clone(), &text).await,
        Some(("sender", _)) => {
            let wakes: SqsEvent = serde_json::from_str(&text).expect("an event of SQS");
            let response = alimi_sender::handle(&stack.drain, wakes).await;
            serde_json::to_value(response).expect("JSON")
        }
        Some(("trigger", _)) => {
            let event = serde_json::from_str(&text).expect("JSON");
            let answer = schedules::invoke(&stack.runner, &Doom::never(), event).await;
            serde_json::to_value(answer.expect("an answer")).expect("JSON")
        }
        Some(("planner", _)) => {
            let changes = serde_json::from_str(&text).expect("an event of the stream");
            let answer = alimi_planner::handle(&stack.plan, changes).await;
            let names = stack.scheduler.schedule_names().await.expect("the names");
            let expected: &[&str] = if event == "planner/deleted" { &[] } else { &["daily"] };
            assert_eq!(names, expected, "{event}");
            assert_eq!(stack.scheduler.writes(), expected.len() as u64, "{event}");
            serde_json::to_value(answer).expect("JSON")
        }
        Some(("sweeper", _)) => {
            // The function takes whatever is JSON.
            let _: Value = serde_json::from_str(&text).expect("JSON");
            let swept = alimi_sweeper::handle(&stack.sweep).await.expect("a round");
            serde_json::to_value(swept).expect("JSON")
        }
        _ => panic!("{event} is for no function"),
    }
}

/// What `lambda_http::run` does with one event.
async fn serve(router: Router, event: &str) -> Value {
    let request: LambdaRequest = serde_json::from_str(event).expect("an event of API Gateway");
    let event = LambdaEvent::new(request, Context::default());
    let Ok(response) = Adapter::from(router).oneshot(event).await;
    with_body_read(serde_json::to_value(response).expect("JSON"))
}

/// An answer to API Gateway with its body as the JSON that it is. Other answers as they are.
///
/// # Panics
/// When the body is none.
#[must_use]
pub fn with_body_read(mut answer: Value) -> Value {
    if answer.get("statusCode").is_none() {
        return answer;
    }
    assert_eq!(answer["isBase64Encoded"], false, "answers are texts: {answer}");
    let body = answer["body"].as_str().expect("a body");
    if !body.is_empty() {
        answer["body"] = serde_json::from_str(body).expect("JSON");
    }
    answer
}

/// Whether an answer has the expected members, as deep as they go. Arrays are compared item by
/// item.
#[must_use]
pub fn says(answer: &Value, expected: &Value) -> bool {
    match (answer, expected) {
        (Value::Object(answer), Value::Object(expected)) => expected
            .iter()
            .all(|(name, value)| answer.get(name).is_some_and(|given| says(given, value))),
        (Value::Array(answer), Value::Array(expected)) => {
            answer.len() == expected.len()
                && answer.iter().zip(expected).all(|(given, value)| says(given, value))
        }
        (answer, expected) => answer == expected,
    }
}

/// The file of an event.
#[must_use]
pub fn path(event: &str) -> PathBuf {
    folder().join(event).with_extension("json")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

fn read(event: &str) -> String {
    let path = path(event);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file in `events/`, as cases name it. One that is no event of a function is named as well,
/// and has no case.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn sample_events() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder()).expect("a file in the folder");
                let name = name.to_string_lossy().replace('\\', "/");
                found.insert(name.strip_suffix(".json").unwrap_or(&name).to_owned());
            }
        }
    }
    found
}
