//! Keeps `EventBridge` Scheduler equal to the schedules, by the catalog table's stream.

use std::collections::BTreeSet;

use alimi::delivery::Plan;
use alimi::ports::PortError;
use alimi::ports::scheduling::Kind;
use serde::{Deserialize, Serialize};

/// A batch of the stream, as far as it matters here: which items changed. How is read anew.
#[derive(Clone, Debug, Deserialize)]
pub struct StreamEvent {
    /// The changes, oldest first.
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord>,
}

/// One change.
#[derive(Clone, Debug, Deserialize)]
pub struct StreamRecord {
    /// What DynamoDB tells of it.
    pub dynamodb: Change,
}

/// Which item changed.
#[derive(Clone, Debug, Deserialize)]
pub struct Change {
    /// The item's key.
    #[serde(rename = "Keys")]
    pub keys: Keys,
    /// The change's place in the stream.
    #[serde(rename = "SequenceNumber")]
    pub sequence_number: String,
}

/// The catalog's key.
#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    /// What it is.
    pub kind: Text,
    /// What it is called.
    pub name: Text,
}

/// A string as DynamoDB writes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Text {
    /// The string.
    #[serde(rename = "S")]
    pub s: String,
}

/// Where the stream is to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StreamAnswer {
    /// The first change that is to come again, with all after it; empty when all are done.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<StreamFailure>,
}

/// A change that is to come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamFailure {
    /// Its place in the stream.
    #[serde(rename = "itemIdentifier")]
    pub sequence_number: String,
}

/// Plans every schedule that the batch names, each once.
pub async fn handle(plan: &Plan, event: StreamEvent) -> StreamAnswer {
    let mut done = BTreeSet::new();
    for record in event.records {
        let Change { keys, sequence_number } = record.dynamodb;
        let name = keys.name.s;
        if keys.kind.s != Kind::Schedule.as_str() || done.contains(&name) {
            continue;
        }
        match plan.one(&name).await {
            Ok(planned) => tracing::info!(schedule = %name, ?planned, "planned"),
            // It would hold up all that comes after it, and fail as often as it is tried.
            Err(error @ PortError::Corrupt { .. }) => {
                tracing::error!(schedule = %name, %error, "a schedule cannot be planned");
            }
            Err(error @ PortError::Unavailable { .. }) => {
                tracing::error!(schedule = %name, %error, "a schedule was not planned yet");
                return StreamAnswer { failures: vec![StreamFailure { sequence_number }] };
            }
        }
        done.insert(name);
    }
    StreamAnswer::default()
}
