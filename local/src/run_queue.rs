//! The queue that brings runs to the trigger. Standard: each message for itself, in any order.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alimi::domain::RunKey;
use alimi::ports::scheduling::RunQueue;
use alimi::ports::{Clock, PortError};
use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};

use crate::queue::LocalQueue;

/// The queue.
#[derive(Default)]
pub struct LocalRunQueue {
    /// A group for each message, which so holds up no other.
    queue: Arc<LocalQueue>,
    sent: AtomicU64,
}

impl LocalRunQueue {
    /// Puts any text into the queue.
    pub fn send(&self, body: String) {
        let id = format!("run-{}", self.sent.fetch_add(1, Ordering::Relaxed));
        self.queue.send(&id, body, &id);
    }

    /// How many messages were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Feeds messages to `handler` for ever, `concurrency` at a time at most.
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
    async fn go_on(&self, key: &RunKey) -> Result<(), PortError> {
        let body = serde_json::to_string(key).map_err(|error| PortError::Unavailable {
            what: "the run queue",
            detail: error.to_string(),
        })?;
        self.send(body);
        Ok(())
    }
}
