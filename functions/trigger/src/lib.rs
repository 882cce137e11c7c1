//! One invocation for a run of a schedule: its beginning, or its continuation.

use std::time::Duration;

use alimi::delivery::{RunOutcome, RunReport, Runner};
use alimi::domain::RunKey;
use alimi::domain::run::RunCounts;
use alimi::ports::PortError;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

/// What `EventBridge` Scheduler sends. The queue's messages differ by one name: so firings that came
/// to nothing can be sent to it as they are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Firing {
    schedule: String,
    #[serde(alias = "scheduled_at")]
    scheduled_time: Timestamp,
}

impl From<Firing> for RunKey {
    fn from(Firing { schedule, scheduled_time }: Firing) -> Self {
        Self::new(schedule, scheduled_time)
    }
}

/// What the queue may hold: all that its dead-letter queue holds may be sent back to it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Asked {
    Plainly(Firing),
    /// By Lambda's record of an invocation that failed each time. What it was asked is in there.
    InVain {
        #[serde(rename = "requestPayload")]
        request: Firing,
    },
}

impl From<Asked> for RunKey {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Plainly(firing) | Asked::InVain { request: firing } => firing.into(),
        }
    }
}

/// What the function answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To `EventBridge` Scheduler, which does not look at it.
    Fired(RunReport),
    /// To the queue: the messages that are to come again.
    Batch(SqsBatchResponse),
}

/// Why an invocation failed. Lambda tries it again.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// The event is of neither kind.
    #[error("the event is neither a schedule's nor the queue's: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The world did not do what was asked.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Works on the runs that an event names, for as long as `time_left`.
///
/// # Errors
/// [`TriggerError`].
pub async fn handle(
    runner: &Runner,
    event: Value,
    time_left: Duration,
) -> Result<Answer, TriggerError> {
    if event.get("Records").is_some() {
        let batch = serde_json::from_value(event)?;
        return Ok(Answer::Batch(go_on(runner, batch, time_left).await));
    }
    let key = RunKey::from(serde_json::from_value::<Firing>(event)?);
    match runner.run(&key, time_left).await {
        Ok(report) => Ok(Answer::Fired(report)),
        Err(error) => {
            tracing::error!(
                schedule = %key.schedule, scheduled_at = %key.scheduled_at, %error,
                "a run was interrupted"
            );
            // Lambda would try again twice, within minutes. The queue keeps it for days.
            runner.queue.go_on(&key).await?;
            Ok(Answer::Fired(RunReport {
                outcome: RunOutcome::Interrupted,
                counts: RunCounts::default(),
            }))
        }
    }
}

/// One run after the other. Answers with the messages that are no runs, failed, or were not come
/// to.
async fn go_on(runner: &Runner, batch: SqsEvent, time_left: Duration) -> SqsBatchResponse {
    let stop_at = Instant::now() + time_left;
    let mut failed: Vec<String> = Vec::new();
    for message in batch.records {
        let id = message.message_id.clone().unwrap_or_default();
        let Some(key) = read(&message) else {
            tracing::error!(message = %id, "a message that is no run: it goes to the dead-letter queue");
            failed.push(id);
            continue;
        };
        let time_left = stop_at.saturating_duration_since(Instant::now());
        if time_left <= runner.settings.margin {
            failed.push(id);
            continue;
        }
        if let Err(error) = runner.run(&key, time_left).await {
            tracing::error!(schedule = %key.schedule, scheduled_at = %key.scheduled_at, %error, "a run was interrupted");
            failed.push(id);
        }
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

fn read(message: &SqsMessage) -> Option<RunKey> {
    serde_json::from_str::<Asked>(message.body.as_deref()?).ok().map(RunKey::from)
}
