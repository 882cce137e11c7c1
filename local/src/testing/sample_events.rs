//! The sample events in `events/`, and the invocation of their functions.
#![expect(clippy::expect_used, clippy::panic, reason = "these fail the check of the events")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alimi::http::{iam_caller, iam_identity};
use alimi::ports::Scheduler;
use alimi::store::DynamoStore;
use aws_lambda_events::sqs::SqsEvent;
use axum::Router;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::event_sources;
use crate::stack::Stack;
use crate::testing::crash_point::CrashPoint;

/// Stores a schedule, and a file with the two members of its audience.
///
/// # Panics
/// When they cannot be stored.
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

/// Invokes the function of an event, and returns the function's answer. The body of an HTTP answer
/// is returned as JSON.
///
/// # Panics
/// When the event is no event of the function, or has no answer.
pub async fn invoke(stack: &Stack, event: &str) -> Value {
    let text = read(event);
    match event.split_once('/') {
        Some(("enqueue", _)) => serve(stack.enqueue_called_by(iam_caller), &text).await,
        Some(("console", _)) => serve(stack.console_called_by(iam_identity), &text).await,
        Some(("webhook", _)) => {
            let payload: Box<RawValue> = serde_json::from_str(&text).expect("JSON");
            let event = LambdaEvent::new(payload, Context::default());
            let time_left = Duration::from_secs(20);
            let answer = alimi_webhook::handle(&stack.webhook_function, event, time_left).await;
            with_body_read(answer.expect("an answer"))
        }
        Some(("sender", _)) => {
            let wakes: SqsEvent = serde_json::from_str(&text).expect("an event of SQS");
            let response = alimi_sender::handle(&stack.sender, wakes).await;
            serde_json::to_value(response).expect("JSON")
        }
        Some(("trigger", _)) => {
            let event = serde_json::from_str(&text).expect("JSON");
            let no_crash = CrashPoint::never();
            let answer = event_sources::invoke_trigger(&stack.trigger, &no_crash, event).await;
            serde_json::to_value(answer.expect("an answer")).expect("JSON")
        }
        Some(("planner", _)) => {
            let changes = serde_json::from_str(&text).expect("an event of the stream");
            let answer = alimi_planner::handle(&stack.planner, changes).await;
            let names = stack.scheduler.schedule_names().await.expect("the names");
            let expected: &[&str] = if event == "planner/deleted" { &[] } else { &["daily"] };
            assert_eq!(names, expected, "{event}");
            assert_eq!(stack.scheduler.writes(), expected.len() as u64, "{event}");
            serde_json::to_value(answer).expect("JSON")
        }
        Some(("sweeper", _)) => {
            // The function accepts any JSON.
            let _: Value = serde_json::from_str(&text).expect("JSON");
            let report = alimi_sweeper::handle(&stack.sweeper).await.expect("a round");
            serde_json::to_value(report).expect("JSON")
        }
        Some(("observer", _)) => {
            // The function accepts any JSON.
            let _: Value = serde_json::from_str(&text).expect("JSON");
            let time_left = Duration::from_secs(50);
            let report = alimi_observer::handle(&stack.observer, time_left).await;
            serde_json::to_value(report).expect("JSON")
        }
        _ => panic!("{event} names no function"),
    }
}

/// Handles one event as `lambda_http::run` does.
async fn serve(router: Router, event: &str) -> Value {
    let request: LambdaRequest = serde_json::from_str(event).expect("an event of API Gateway");
    let event = LambdaEvent::new(request, Context::default());
    let Ok(response) = Adapter::from(router).oneshot(event).await;
    with_body_read(serde_json::to_value(response).expect("JSON"))
}

/// An answer to API Gateway with its body as JSON. Other answers are returned unchanged.
///
/// # Panics
/// When the body is neither JSON nor Markdown.
#[must_use]
pub fn with_body_read(mut answer: Value) -> Value {
    if answer.get("statusCode").is_none() {
        return answer;
    }
    assert_eq!(answer["isBase64Encoded"], false, "the body must be text: {answer}");
    let body = answer["body"].as_str().expect("a body");
    if !body.is_empty() && !is_markdown(&answer) {
        answer["body"] = serde_json::from_str(body).expect("JSON");
    }
    answer
}

/// Whether the body is the document of the problems.
fn is_markdown(answer: &Value) -> bool {
    let content_type = answer["headers"]["content-type"].as_str();
    content_type.is_some_and(|content_type| content_type.starts_with("text/markdown"))
}

/// Whether an answer has the expected members, at every depth. Arrays must have equal lengths, and
/// are compared item by item.
#[must_use]
pub fn has_members(answer: &Value, expected: &Value) -> bool {
    match (answer, expected) {
        (Value::Object(answer), Value::Object(expected)) => expected
            .iter()
            .all(|(name, value)| answer.get(name).is_some_and(|given| has_members(given, value))),
        (Value::Array(answer), Value::Array(expected)) => {
            answer.len() == expected.len()
                && answer.iter().zip(expected).all(|(given, value)| has_members(given, value))
        }
        (answer, expected) => answer == expected,
    }
}

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

/// The name of every file in `events/`, in the form that cases have. A file that is no event of a
/// function is included, so that the missing case is noticed.
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
