//! Why a message was given up, from what the queue says of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::IntoStaticStr;

use super::Edge;
use crate::domain::audit::subject_value;
use crate::domain::name::is_name;

/// Who gave the message up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// The queue: its function did not handle the message in any of its tries.
    TriedTooOften,
    /// Lambda: the function failed in each invocation for this event.
    InvocationFailed,
    /// `EventBridge` Scheduler: it could not deliver its event.
    NotDelivered,
    /// Lambda: the function failed for these changes until they were too old.
    ChangesGivenUp,
}

impl Cause {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What a message in a dead-letter queue says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub edge: Edge,
    pub cause: Cause,
    pub tries: Option<u32>,
    pub error: Option<String>,
    pub about: BTreeMap<String, String>,
}

/// The most characters of an error. Longer ones quote something.
const ERROR_CHARACTERS_MAX: usize = 300;

impl Found {
    /// Reads a message that the wake queue gave up after so many tries.
    #[must_use]
    pub fn wake(body: &str, tries: u32) -> Self {
        let body = parsed(body);
        let channel = name("channel", &body["channel"]);
        Self::queued(Edge::Wakes, channel, tries, "the message is no wake")
    }

    /// Reads a message that the receipt queue gave up.
    #[must_use]
    pub fn receipt(body: &str, tries: u32) -> Self {
        let body = parsed(body);
        let channel = if body["kind"] == "unverified" { &body["caller"] } else { &body };
        let about = name("channel", &channel["channel"]);
        Self::queued(Edge::Receipts, about, tries, "the message has no receipts")
    }

    /// Reads a message that the run queue, Lambda or `EventBridge` Scheduler gave up: they share a
    /// dead-letter queue. `attributes` are those that the message's sender set.
    #[must_use]
    pub fn run(body: &str, attributes: &BTreeMap<String, String>, tries: u32) -> Self {
        let body = parsed(body);
        let is_of_lambda = !body["requestContext"].is_null();
        let run = about_run(if is_of_lambda { &body["requestPayload"] } else { &body });
        let code = attributes.get("ERROR_CODE");
        if is_of_lambda {
            let of = |member: &str| body["responsePayload"][member].as_str();
            let error = [of("errorType"), of("errorMessage")].into_iter().flatten();
            return Self {
                edge: Edge::Firings,
                cause: Cause::InvocationFailed,
                tries: invocations(&body),
                error: cut(&error.collect::<Vec<_>>().join(": ")),
                about: run,
            };
        }
        if let Some(code) = code {
            let message = attributes.get("ERROR_MESSAGE").map_or("", String::as_str);
            let retries = attributes.get("RETRY_ATTEMPTS").and_then(|text| text.parse().ok());
            return Self {
                edge: Edge::Firings,
                cause: Cause::NotDelivered,
                tries: retries.map(|retries: u32| retries.saturating_add(1)),
                error: cut(format!("{code}: {message}").trim_end_matches(": ")),
                about: run,
            };
        }
        Self::queued(Edge::Runs, run, tries, "the message asks for no run")
    }

    /// Reads Lambda's record of changes that it gave up. The changes themselves are not in it.
    #[must_use]
    pub fn changes(body: &str) -> Self {
        let body = parsed(body);
        let of_function = body["requestContext"]["functionArn"].as_str().unwrap_or_default();
        let batch = &body["DDBStreamBatchInfo"];
        let mut about = BTreeMap::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| is_word(value)) {
                about.insert(name.to_owned(), value);
            }
        };
        put("function", of_function.split(':').nth(6).map(str::to_owned));
        put("table", batch["streamArn"].as_str().and_then(table_in));
        put("first", batch["startSequenceNumber"].as_str().map(str::to_owned));
        put("last", batch["endSequenceNumber"].as_str().map(str::to_owned));
        put("changes", batch["batchSize"].as_u64().map(|count| count.to_string()));
        let condition = body["requestContext"]["condition"].as_str();
        Self {
            edge: Edge::Changes,
            cause: Cause::ChangesGivenUp,
            tries: invocations(&body),
            error: condition.and_then(cut),
            about,
        }
    }

    fn queued(edge: Edge, about: BTreeMap<String, String>, tries: u32, unreadable: &str) -> Self {
        let error = about.is_empty().then(|| unreadable.to_owned());
        Self { edge, cause: Cause::TriedTooOften, tries: Some(tries), error, about }
    }
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_default()
}

/// A name in a message. What is no name may be anything, so it is left out. A phone number is masked.
fn name(member: &str, value: &Value) -> BTreeMap<String, String> {
    let name = value.as_str().filter(|name| is_name(name));
    name.map(|name| (member.to_owned(), subject_value(name))).into_iter().collect()
}

fn about_run(run: &Value) -> BTreeMap<String, String> {
    let mut about = name("schedule", &run["schedule"]);
    let at = run["scheduled_time"].as_str().or_else(|| run["scheduled_at"].as_str());
    let at = at.and_then(|at| at.parse::<Timestamp>().ok());
    match at {
        Some(at) if !about.is_empty() => {
            about.insert("scheduled_at".to_owned(), at.to_string());
            about
        }
        _ => BTreeMap::new(),
    }
}

fn invocations(body: &Value) -> Option<u32> {
    let count = body["requestContext"]["approximateInvokeCount"].as_u64()?;
    u32::try_from(count).ok()
}

fn table_in(stream_arn: &str) -> Option<String> {
    stream_arn.split('/').nth(1).map(str::to_owned)
}

/// Whether a text may be a name or a number of AWS.
fn is_word(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn cut(error: &str) -> Option<String> {
    let text: String = error
        .chars()
        .take(ERROR_CHARACTERS_MAX)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    (!text.is_empty()).then_some(text)
}
