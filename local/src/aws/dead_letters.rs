//! The dead-letter queues inside this process, and the way back from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use alimi::domain::Edge;
use alimi::ports::{
    Clock, DeadLetterQueue, DeadLetterQueues, DeadMessage, PortError, RedriveQueues,
};
use async_trait::async_trait;

use crate::aws::queue::LocalQueue;
use crate::aws::receipt_queue::{LocalReceiptQueue, QueueDown};
use crate::aws::run_queue::LocalRunQueue;

#[derive(Clone)]
pub struct LocalDeadLetters {
    pub(crate) wakes: Arc<LocalQueue>,
    pub(crate) runs: Arc<LocalRunQueue>,
    pub(crate) receipts: Arc<LocalReceiptQueue>,
    /// Only dead letters are in it: Lambda's records of changes that it gave up.
    pub(crate) changes: Arc<LocalQueue>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl LocalDeadLetters {
    fn of(&self, queue: DeadLetterQueue) -> &LocalQueue {
        match queue {
            DeadLetterQueue::Wakes => &self.wakes,
            DeadLetterQueue::Runs => self.runs.messages(),
            DeadLetterQueue::Receipts => self.receipts.messages(),
            DeadLetterQueue::Changes => &self.changes,
        }
    }

    /// Puts a message into a dead-letter queue, as its queue does after the last try.
    pub fn give_up(
        &self,
        queue: DeadLetterQueue,
        body: String,
        attributes: BTreeMap<String, String>,
    ) {
        self.of(queue).send_dead(body, attributes);
    }

    /// How many messages a dead-letter queue has.
    #[must_use]
    pub fn count(&self, queue: DeadLetterQueue) -> usize {
        self.of(queue).dead_letters().len()
    }

    /// A queue by its logical id in the template.
    pub(crate) fn named(name: &str) -> Option<DeadLetterQueue> {
        match name {
            "WakeDeadLetterQueue" => Some(DeadLetterQueue::Wakes),
            "RunDeadLetterQueue" => Some(DeadLetterQueue::Runs),
            "ReceiptDeadLetterQueue" => Some(DeadLetterQueue::Receipts),
            "ChangeDeadLetterQueue" => Some(DeadLetterQueue::Changes),
            _ => None,
        }
    }

    pub(crate) fn received(&self, queue: DeadLetterQueue) -> Vec<DeadMessage> {
        self.of(queue).receive_dead(queue, self.clock.now_ms())
    }

    pub(crate) fn removed(&self, queue: DeadLetterQueue, handle: &str) {
        self.of(queue).remove_dead(handle);
    }
}

#[async_trait]
impl DeadLetterQueues for LocalDeadLetters {
    async fn receive(&self, queue: DeadLetterQueue) -> Result<Vec<DeadMessage>, PortError> {
        Ok(self.received(queue))
    }

    async fn remove(&self, message: &DeadMessage) -> Result<(), PortError> {
        self.removed(message.queue, &message.handle);
        Ok(())
    }
}

#[async_trait]
impl RedriveQueues for LocalDeadLetters {
    async fn send_again(
        &self,
        edge: Edge,
        body: &str,
        group: Option<&str>,
        deduplication: &str,
    ) -> Result<(), PortError> {
        let unavailable = |detail: &str| {
            let what = "the queue of a dead letter";
            PortError::Unavailable { what, detail: detail.to_owned() }
        };
        match edge {
            Edge::Wakes => {
                self.wakes.send(group.unwrap_or("redriven"), body.to_owned(), deduplication);
            }
            Edge::Runs | Edge::Firings => self.runs.send(body.to_owned()),
            Edge::Receipts => {
                let sent = self.receipts.send(body.to_owned());
                sent.map_err(|QueueDown| unavailable("a test has set it down"))?;
            }
            Edge::Changes => return Err(unavailable("changes are not sent again")),
        }
        Ok(())
    }
}
