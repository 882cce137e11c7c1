//! The receipt queue inside this process, a standard SQS queue: messages do not wait for each other.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use alimi::ports::{Clock, PortError, QueuedReceipts, ReceiptQueue};
use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};

use crate::aws::embedded::{EmbeddedError, StandInRows};
use crate::aws::queue::LocalQueue;
use crate::stopping::Stopping;

/// The visibility time-out and the redrive limit of template.yaml.
pub const VISIBILITY: Duration = Duration::from_secs(120);
pub const RECEIVES_MAX: u32 = 200;

pub struct LocalReceiptQueue {
    /// Each message has a group of its own, so no message blocks another.
    queue: Arc<LocalQueue>,
    sent: AtomicU64,
    is_down: AtomicBool,
}

impl Default for LocalReceiptQueue {
    fn default() -> Self {
        Self::of(LocalQueue::new(VISIBILITY, RECEIVES_MAX))
    }
}

/// The queue takes no messages for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueDown;

impl LocalReceiptQueue {
    /// As [`LocalQueue::kept_in`].
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn kept_in(rows: &StandInRows, clock: &Arc<dyn Clock>) -> Result<Self, EmbeddedError> {
        let queue = LocalQueue::new(VISIBILITY, RECEIVES_MAX);
        Ok(Self::of(queue.kept_in(rows, "receipts", clock)?))
    }

    fn of(queue: LocalQueue) -> Self {
        let sent = AtomicU64::new(queue.sent());
        Self { queue: Arc::new(queue), sent, is_down: AtomicBool::new(false) }
    }

    pub(crate) fn messages(&self) -> &LocalQueue {
        &self.queue
    }

    /// Puts a message with any text into the queue.
    ///
    /// # Errors
    /// [`QueueDown`] while a test has set the queue down.
    pub fn send(&self, body: String) -> Result<(), QueueDown> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(QueueDown);
        }
        let id = format!("receipts-{}", self.sent.fetch_add(1, Ordering::Relaxed));
        self.queue.send(&id, body, &id);
        Ok(())
    }

    /// Sets the queue down, or up again. Messages that are in it are still delivered.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    /// The number of messages that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The bodies of the messages that nobody handles at the moment.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        self.queue.waiting()
    }

    /// The bodies of the messages in the dead-letter queue.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<String> {
        self.queue.dead_letters()
    }

    /// Whether no message waits or is being handled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
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
impl ReceiptQueue for LocalReceiptQueue {
    async fn keep(&self, queued: &QueuedReceipts) -> Result<(), PortError> {
        let unavailable =
            |detail: String| PortError::Unavailable { what: "the receipt queue", detail };
        let body = serde_json::to_string(queued).map_err(|error| unavailable(error.to_string()))?;
        self.send(body).map_err(|QueueDown| unavailable("a test has set it down".to_owned()))
    }
}
