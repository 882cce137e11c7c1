//! SQS FIFO as far as wakes need it: deduplication, one batch a message group at a time, and a
//! dead-letter queue.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alimi::aws::Wake;
use alimi::ports::{PortError, WakeGroup, Waker};
use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::Notify;
use tokio::time::Instant;

/// As SQS has it.
const DEDUPLICATION: Duration = Duration::from_secs(300);
/// As template.yaml has it.
const VISIBILITY: Duration = Duration::from_secs(45);
const RECEIVES_MAX: u32 = 5;
const BATCH: usize = 10;

/// The wake queue.
#[derive(Default)]
pub struct LocalQueue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Message>,
    busy: HashSet<String>,
    deduplicated: HashMap<String, Instant>,
    dead: Vec<Message>,
    sent: u64,
}

#[derive(Clone, Debug)]
struct Message {
    id: String,
    group: String,
    body: String,
    receives: u32,
    visible_at: Instant,
}

impl LocalQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts any text into a group's queue.
    pub fn send(&self, group: &str, body: String, deduplication: &str) {
        let now = Instant::now();
        {
            let mut state = self.state();
            state.deduplicated.retain(|_, since| now.duration_since(*since) < DEDUPLICATION);
            if state.deduplicated.insert(deduplication.to_owned(), now).is_some() {
                return;
            }
            state.sent += 1;
            let id = format!("wake-{}", state.sent);
            state.waiting.push_back(Message {
                id,
                group: group.to_owned(),
                body,
                receives: 0,
                visible_at: now,
            });
        }
        self.changed.notify_waiters();
    }

    /// Bodies of the messages that were given up.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<String> {
        self.state().dead.iter().map(|message| message.body.clone()).collect()
    }

    /// Wakes that were taken, collapsed ones not counted.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.state().sent
    }

    /// The oldest visible messages of one group that is not busy.
    fn take(&self) -> Result<(String, Vec<Message>), Instant> {
        let now = Instant::now();
        let mut state = self.state();
        // A group's first message holds back the rest of it, as in SQS.
        let mut heads: HashMap<&str, &Message> = HashMap::new();
        for message in &state.waiting {
            heads.entry(&message.group).or_insert(message);
        }
        let ready = state
            .waiting
            .iter()
            .filter(|message| !state.busy.contains(&message.group))
            .find(|message| heads[message.group.as_str()].visible_at <= now)
            .map(|message| message.group.clone());
        let Some(group) = ready else {
            let next = heads
                .values()
                .filter(|head| !state.busy.contains(&head.group))
                .map(|head| head.visible_at)
                .min();
            return Err(next.unwrap_or(now + VISIBILITY));
        };
        let mut batch = Vec::new();
        state.waiting.retain(|message| {
            let taken = message.group == group && batch.len() < BATCH;
            if taken {
                batch.push(message.clone());
            }
            !taken
        });
        state.busy.insert(group.clone());
        Ok((group, batch))
    }

    /// Gives a batch back: what failed becomes visible again after its time-out, or dead.
    fn give_back(&self, group: &str, batch: Vec<Message>, failed: &HashSet<String>) {
        {
            let mut state = self.state();
            state.busy.remove(group);
            for mut message in batch.into_iter().rev() {
                if !failed.contains(&message.id) {
                    continue;
                }
                message.receives += 1;
                message.visible_at = Instant::now() + VISIBILITY;
                if message.receives >= RECEIVES_MAX {
                    state.dead.push(message);
                } else {
                    state.waiting.push_front(message);
                }
            }
        }
        self.changed.notify_waiters();
    }

    /// Feeds batches to `handler` for ever, `concurrency` at a time at most. A handler that
    /// answers `None` died: its whole batch comes again.
    pub async fn pump<F, A>(self: Arc<Self>, concurrency: usize, handler: F)
    where
        F: Fn(SqsEvent) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Option<SqsBatchResponse>> + Send + 'static,
    {
        let mut workers = FuturesUnordered::new();
        for _ in 0..concurrency {
            workers.push(self.work(handler.clone()).boxed());
        }
        while workers.next().await.is_some() {}
    }

    async fn work<F, A>(&self, handler: F)
    where
        F: Fn(SqsEvent) -> A + Send + Sync,
        A: Future<Output = Option<SqsBatchResponse>> + Send,
    {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.take() {
                Err(next) => {
                    let _timed_out = tokio::time::timeout_at(next, changed).await;
                }
                Ok((group, batch)) => {
                    let failed = match handler(event(&batch)).await {
                        Some(answer) => answer
                            .batch_item_failures
                            .into_iter()
                            .map(|failure| failure.item_identifier)
                            .collect(),
                        None => batch.iter().map(|message| message.id.clone()).collect(),
                    };
                    self.give_back(&group, batch, &failed);
                }
            }
        }
    }
}

fn event(batch: &[Message]) -> SqsEvent {
    let records = batch
        .iter()
        .map(|message| {
            let mut record = SqsMessage::default();
            record.message_id = Some(message.id.clone());
            record.body = Some(message.body.clone());
            record.attributes.insert("MessageGroupId".to_owned(), message.group.clone());
            record
        })
        .collect();
    let mut event = SqsEvent::default();
    event.records = records;
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
        let wake = Wake { channel: channel.to_owned() };
        let body = serde_json::to_string(&wake).map_err(|error| PortError::Unavailable {
            what: "the wake queue",
            detail: error.to_string(),
        })?;
        self.send(&Wake::group_id(channel, group), body, deduplication);
        Ok(())
    }
}
