//! The run queue inside this process, a standard SQS queue: messages do not wait for each other.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alimi::domain::RunKey;
use alimi::ports::{Clock, PortError, RunQueue};
use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};

use crate::aws::queue::LocalQueue;

#[derive(Default)]
pub struct LocalRunQueue {
    /// Each message has a group of its own, so no message blocks another.
    queue: Arc<LocalQueue>,
    sent: AtomicU64,
}

impl LocalRunQueue {
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

    /// Calls `handler` for each message, for ever, `concurrency` times at once at most.
    pub async fn pump<F, A>(self: Arc<Self>, clock: Arc<dyn Clock>, concurrency: usize, handler: F)
    where
        F: Fn(SqsEvent) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Option<SqsBatchResponse>> + Send + 'static,
    {
        self.queue.clone().pump(clock, concurrency, handler).await;
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
