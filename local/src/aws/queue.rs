//! An SQS FIFO queue inside this process, as far as wakes need it: deduplication, one message of a
//! group at a time, and a dead-letter queue. Batches hold one message, as those of wakes in
//! template.yaml.

mod kept;
mod state;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alimi::aws::Wake;
use alimi::ports::{Clock, DeadLetterQueue, DeadMessage, PortError, WakeGroup, Waker};
use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::Notify;
use tokio::time::Instant;

use self::kept::KeptMessages;
use self::state::{Message, State};
use crate::aws::embedded::{EmbeddedError, StandInRows};
use crate::stopping::Stopping;

/// The wake queue's visibility time-out and redrive limit in template.yaml.
const VISIBILITY: Duration = Duration::from_secs(45);
const RECEIVES_MAX: u32 = 5;
/// SQS's default visibility time-out, which the dead-letter queues have.
const DEAD_VISIBILITY: Duration = Duration::from_secs(30);

pub struct LocalQueue {
    state: Mutex<State>,
    changed: Notify,
    visibility: Duration,
    receives_max: u32,
    /// Where the messages are kept; `None`: in this process alone.
    kept: Option<KeptMessages>,
}

impl Default for LocalQueue {
    fn default() -> Self {
        Self::new(VISIBILITY, RECEIVES_MAX)
    }
}

impl LocalQueue {
    /// A queue with another visibility time-out and redrive limit than the wake queue's.
    pub(crate) fn new(visibility: Duration, receives_max: u32) -> Self {
        let state = Mutex::default();
        Self { state, changed: Notify::new(), visibility, receives_max, kept: None }
    }

    /// Keeps the messages in rows of this name, and takes over those that are there. Their former
    /// receivers have ended, so they are visible at once.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the rows cannot be read.
    pub fn kept_in(
        self,
        rows: &StandInRows,
        name: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, EmbeddedError> {
        let kept = KeptMessages::new(rows, name, clock);
        let state = Mutex::new(kept.state()?);
        Ok(Self { state, kept: Some(kept), ..self })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message with any text into a group.
    pub fn send(&self, group: &str, body: String, deduplication: &str) {
        {
            let mut state = self.state();
            let sent = state.send(group, body, deduplication);
            // Nobody can receive the message before it is kept.
            if let (Some(message), Some(kept)) = (sent, &self.kept) {
                kept.keep(&message);
            }
        }
        self.changed.notify_waiters();
    }

    fn send_wake(
        &self,
        wake: &Wake,
        group: WakeGroup,
        deduplication: &str,
    ) -> Result<(), PortError> {
        let body = serde_json::to_string(wake).map_err(|error| PortError::Unavailable {
            what: "the wake queue",
            detail: error.to_string(),
        })?;
        self.send(&Wake::group_id(&wake.channel, group), body, deduplication);
        Ok(())
    }

    /// The bodies of the messages in the dead-letter queue.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<String> {
        self.state().dead.iter().map(|message| message.body.clone()).collect()
    }

    /// Puts a message that was given up elsewhere into the dead-letter queue.
    pub(crate) fn send_dead(&self, body: String, attributes: BTreeMap<String, String>) {
        let mut state = self.state();
        let message = state.send_dead(body, attributes);
        if let Some(kept) = &self.kept {
            kept.keep(&message);
        }
    }

    /// Receives from the dead-letter queue, which is `queue`.
    pub(crate) fn receive_dead(&self, queue: DeadLetterQueue, now_ms: i64) -> Vec<DeadMessage> {
        let taken = self.state().take_dead(now_ms, DEAD_VISIBILITY);
        let read = |message: Message| DeadMessage {
            queue,
            id: message.id(),
            handle: message.number.to_string(),
            sent_at_ms: message.dead_sent_at_ms.unwrap_or(0),
            receives: message.receives,
            group: Some(message.group),
            body: message.body,
            attributes: message.attributes,
        };
        taken.into_iter().map(read).collect()
    }

    /// Removes a message from the dead-letter queue.
    pub(crate) fn remove_dead(&self, handle: &str) {
        let removed = handle.parse().ok().and_then(|number| self.state().remove_dead(number));
        if let (Some(message), Some(kept)) = (removed, &self.kept) {
            kept.forget(&message);
        }
    }

    /// The bodies of the messages that nobody handles at the moment.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        self.state().waiting.iter().map(|message| message.body.clone()).collect()
    }

    /// Whether no message waits or is being handled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.busy.is_empty()
    }

    /// The number of requests to send a message, for duplicates too.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    /// The number of messages that were sent. Duplicates do not count.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.state().sent
    }

    /// Ends the handling of a message. A failed message becomes visible again after the visibility
    /// time-out, or goes to the dead-letter queue.
    fn finish(&self, mut message: Message, has_failed: bool) {
        if has_failed {
            message.receives += 1;
            message.visible_at = Instant::now() + self.visibility;
            message.is_dead = message.receives >= self.receives_max;
        }
        if let Some(kept) = &self.kept {
            if has_failed {
                kept.keep(&message);
            } else {
                kept.forget(&message);
            }
        }
        self.state().finish(message, has_failed);
        self.changed.notify_waiters();
    }

    /// Calls `handler` for each message, for ever, `concurrency` times at once at most. `None`
    /// means that the handler crashed: the message comes again.
    pub async fn pump<F, A>(self: Arc<Self>, clock: Arc<dyn Clock>, concurrency: usize, handler: F)
    where
        F: Fn(SqsEvent) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Option<SqsBatchResponse>> + Send + 'static,
    {
        self.pump_until(clock, concurrency, handler, Stopping::never()).await;
    }

    /// As [`Self::pump`], until the end is requested. Then it takes no more messages, and waits for
    /// the handlers that run.
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
        let mut workers = FuturesUnordered::new();
        for _ in 0..concurrency {
            workers.push(self.work(&*clock, handler.clone(), stopping.clone()).boxed());
        }
        while workers.next().await.is_some() {}
    }

    async fn work<F, A>(&self, clock: &dyn Clock, handler: F, stopping: Stopping)
    where
        F: Fn(SqsEvent) -> A + Send + Sync,
        A: Future<Output = Option<SqsBatchResponse>> + Send,
    {
        while !stopping.is_requested() {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let taken = self.state().take(self.visibility);
            match taken {
                Err(next) => {
                    tokio::select! {
                        _timed_out = tokio::time::timeout_at(next, changed) => {}
                        () = stopping.requested() => {}
                    }
                }
                Ok(message) => {
                    let answer = handler(event(&message, clock.now_ms())).await;
                    let has_failed =
                        answer.is_none_or(|answer| !answer.batch_item_failures.is_empty());
                    self.finish(message, has_failed);
                }
            }
        }
    }
}

/// The event of a message, for a handler that is called at `now_ms`.
fn event(message: &Message, now_ms: i64) -> SqsEvent {
    let waited_ms = i64::try_from(message.sent_at.elapsed().as_millis()).unwrap_or(0);
    let mut record = SqsMessage::default();
    record.message_id = Some(message.id());
    record.body = Some(message.body.clone());
    record.attributes.insert("MessageGroupId".to_owned(), message.group.clone());
    record.attributes.insert("SentTimestamp".to_owned(), (now_ms - waited_ms).to_string());
    let mut event = SqsEvent::default();
    event.records = vec![record];
    event
}

#[async_trait]
impl Waker for LocalQueue {
    async fn wake(
        &self,
        channel: &str,
        group: WakeGroup,
        deduplication: &str,
    ) -> Result<(), PortError> {
        let wake = Wake { channel: channel.to_owned(), despite_pause: false };
        self.send_wake(&wake, group, deduplication)
    }

    async fn wake_despite_pause(
        &self,
        channel: &str,
        group: WakeGroup,
        deduplication: &str,
    ) -> Result<(), PortError> {
        let wake = Wake { channel: channel.to_owned(), despite_pause: true };
        self.send_wake(&wake, group, deduplication)
    }
}
