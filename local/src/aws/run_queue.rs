//! The run queue inside this process, a standard SQS queue: messages do not wait for each other.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alimi::domain::RunKey;
use alimi::ports::{Clock, PortError, RunQueue};
use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};

use crate::aws::embedded::{EmbeddedError, StandInRows};
use crate::aws::queue::LocalQueue;
use crate::stopping::Stopping;

#[derive(Default)]
pub struct LocalRunQueue {
    /// Each message has a group of its own, so no message blocks another.
    queue: Arc<LocalQueue>,
    sent: AtomicU64,
}

impl LocalRunQueue {
    /// As [`LocalQueue::kept_in`].
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn kept_in(rows: &StandInRows, clock: &Arc<dyn Clock>) -> Result<Self, EmbeddedError> {
        let queue = LocalQueue::default().kept_in(rows, "runs", clock)?;
        let sent = AtomicU64::new(queue.sent());
        Ok(Self { queue: Arc::new(queue), sent })
    }

    pub(crate) fn messages(&self) -> &LocalQueue {
        &self.queue
    }

    /// Puts a message with any text into the queue.
    pub fn send(&self, body: String) {
        let id = format!("run-{}", self.sent.fetch_add(1, Ordering::Relaxed));
        self.queue.send(&id, body, &id);
    }

    /// The number of messages that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// As [`LocalQueue::pump_until`].
    pub async fn pump_until<F, A>(
        self: Arc<Self>,
        clock: Arc<dyn Clock>,
        concurrency: usize,
        handler: F,
        stopping: Stopping,
    ) where
        F: Fn(SqsEvent) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Option<SqsBatchResponse>> + Send + 'static,
    {
        self.queue.clone().pump_until(clock, concurrency, handler, stopping).await;
    }
}

#[async_trait]
impl RunQueue for LocalRunQueue {
    async fn request_run(&self, key: &RunKey) -> Result<(), PortError> {
        let body = serde_json::to_string(key).map_err(|error| PortError::Unavailable {
            what: "the run queue",
            detail: error.to_string(),
        })?;
        self.send(body);
        Ok(())
    }
}
