//! Begins and continues runs of schedules. `EventBridge` Scheduler and the run queue invoke this
//! function.

mod event;

use std::time::Duration;

use alimi::domain::RunKey;
use alimi::domain::run::RunCounts;
use alimi::ports::PortError;
use alimi::use_cases::{RunOutcome, RunReport, Trigger};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use self::event::{Firing, requested_run};

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To `EventBridge` Scheduler, which ignores the answer.
    Fired(RunReport),
    /// To the queue: the messages that are to be delivered again.
    Batch(SqsBatchResponse),
}

/// Why an invocation failed. Lambda retries it.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    #[error("the event is neither a firing of EventBridge Scheduler nor a batch of the queue: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Works on the runs that an event names, for as long as `time_left` allows.
pub async fn handle(
    trigger: &Trigger,
    event: Value,
    time_left: Duration,
) -> Result<Answer, TriggerError> {
    if event.get("Records").is_some() {
        let batch = serde_json::from_value(event)?;
        return Ok(Answer::Batch(handle_batch(trigger, batch, time_left).await));
    }
    let key = RunKey::from(serde_json::from_value::<Firing>(event)?);
    match trigger.run(&key, time_left).await {
        Ok(report) => Ok(Answer::Fired(report)),
        Err(error) => {
            tracing::error!(
                schedule = %key.schedule, scheduled_at = %key.scheduled_at, %error,
                "a run was interrupted; the run queue continues it"
            );
            // Lambda would retry twice within minutes. The queue keeps the run for days.
            trigger.queue.request_run(&key).await?;
            Ok(Answer::Fired(RunReport {
                outcome: RunOutcome::Interrupted,
                counts: RunCounts::default(),
            }))
        }
    }
}

/// Works on one run after the other. The answer names the messages that are no runs, whose run was
/// interrupted, or for which there was no time.
async fn handle_batch(trigger: &Trigger, batch: SqsEvent, time_left: Duration) -> SqsBatchResponse {
    let stop_at = Instant::now() + time_left;
    let mut failed: Vec<String> = Vec::new();
    for message in batch.records {
        let id = message.message_id.clone().unwrap_or_default();
        let Some(key) = requested_run(&message) else {
            tracing::error!(
                message = %id,
                "a message is no run; the queue moves it to the dead-letter queue"
            );
            failed.push(id);
            continue;
        };
        let time_left = stop_at.saturating_duration_since(Instant::now());
        if time_left <= trigger.settings.margin {
            failed.push(id);
            continue;
        }
        if let Err(error) = trigger.run(&key, time_left).await {
            tracing::error!(
                schedule = %key.schedule, scheduled_at = %key.scheduled_at, %error,
                "a run was interrupted; the run queue continues it"
            );
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
