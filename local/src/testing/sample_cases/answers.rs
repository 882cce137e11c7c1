//! Answers that several cases expect.

use serde_json::{Value, json};

/// A problem in an HTTP answer.
pub(super) fn problem(status: u16, field: &str) -> Value {
    json!({
        "statusCode": status,
        "headers": { "content-type": "application/problem+json" },
        "body": { "status": status, "field": field },
    })
}

/// The answer to a batch of messages of which these failed.
pub(super) fn failed(messages: &[&str]) -> Value {
    let failures: Vec<_> = messages.iter().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": failures })
}
