//! The events that ask for a run.

use alimi::domain::RunKey;
use aws_lambda_events::sqs::SqsMessage;
use jiff::Timestamp;
use serde::Deserialize;

/// What `EventBridge` Scheduler sends. The queue's messages call the time `scheduled_at`. Both
/// names are read, so that a failed firing can be sent to the queue as it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Firing {
    schedule: String,
    #[serde(alias = "scheduled_at")]
    scheduled_time: Timestamp,
}

impl From<Firing> for RunKey {
    fn from(Firing { schedule, scheduled_time }: Firing) -> Self {
        Self::new(schedule, scheduled_time)
    }
}

/// A message of the queue. Everything in the dead-letter queue can be moved back to the queue.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum QueuedRun {
    Plain(Firing),
    /// Lambda's record of an invocation that failed at every retry.
    FailedInvocation {
        #[serde(rename = "requestPayload")]
        request: Firing,
    },
}

/// The run that a message of the queue asks for; `None` when the message is no run.
pub(crate) fn requested_run(message: &SqsMessage) -> Option<RunKey> {
    let queued = serde_json::from_str::<QueuedRun>(message.body.as_deref()?).ok()?;
    match queued {
        QueuedRun::Plain(firing) | QueuedRun::FailedInvocation { request: firing } => {
            Some(firing.into())
        }
    }
}
