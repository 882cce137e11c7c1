//! Keeps `EventBridge` Scheduler equal to the schedules in the catalog. The catalog table's stream
//! invokes this function.

use std::collections::BTreeSet;

use alimi::ports::{Kind, PortError};
use alimi::use_cases::Planner;
use serde::{Deserialize, Serialize};

/// A batch of the stream. Only the keys of the changed items are read from it: the planner reads
/// the items themselves anew.
#[derive(Clone, Debug, Deserialize)]
pub struct StreamEvent {
    /// The changes, oldest first.
    #[serde(rename = "Records")]
    pub records: Vec<StreamRecord>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct StreamRecord {
    pub dynamodb: Change,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Change {
    /// The key of the changed item.
    #[serde(rename = "Keys")]
    pub keys: Keys,
    /// The place of the change in the stream.
    #[serde(rename = "SequenceNumber")]
    pub sequence_number: String,
}

/// A key of the catalog table.
#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    pub kind: Text,
    pub name: Text,
}

/// A string, as DynamoDB writes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Text {
    #[serde(rename = "S")]
    pub s: String,
}

/// Where the stream continues.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StreamAnswer {
    /// The first change that failed; Lambda sends it again with all later ones. Empty when every
    /// change is done.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<StreamFailure>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamFailure {
    /// The place of the failed change in the stream.
    #[serde(rename = "itemIdentifier")]
    pub sequence_number: String,
}

/// Plans every schedule that the batch names, each once.
pub async fn handle(planner: &Planner, event: StreamEvent) -> StreamAnswer {
    let mut done = BTreeSet::new();
    for record in event.records {
        let Change { keys, sequence_number } = record.dynamodb;
        let name = keys.name.s;
        if keys.kind.s != Kind::Schedule.as_str() || done.contains(&name) {
            continue;
        }
        match planner.reconcile_one(&name).await {
            Ok(outcome) => tracing::info!(schedule = %name, ?outcome, "planned"),
            // A retry would fail as well, and would block the later changes of the stream.
            Err(error @ PortError::Unusable { .. }) => {
                tracing::error!(
                    schedule = %name, %error,
                    "a schedule cannot be planned; save the schedule again"
                );
            }
            Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                tracing::error!(
                    schedule = %name, %error,
                    "a schedule was not planned yet; Lambda sends the change again"
                );
                return StreamAnswer { failures: vec![StreamFailure { sequence_number }] };
            }
        }
        done.insert(name);
    }
    StreamAnswer::default()
}
