//! The queues of messages that were given up.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use strum::VariantArray;

use super::error::PortError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum DeadLetterQueue {
    Wakes,
    /// Messages of the run queue, and firings.
    Runs,
    Receipts,
    /// Lambda's records of changes that it gave up.
    Changes,
}

/// A message of such a queue.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadMessage {
    pub queue: DeadLetterQueue,
    /// The same, however often the message is received.
    pub id: String,
    /// For [`DeadLetterQueues::remove`].
    pub handle: String,
    pub body: String,
    /// The message's group, in a FIFO queue.
    pub group: Option<String>,
    /// When the message was sent first, in Unix milliseconds.
    pub sent_at_ms: i64,
    /// How often it was received, in its first queue and in this one.
    pub receives: u32,
    /// What the message's sender says of it.
    pub attributes: BTreeMap<String, String>,
}

/// Shows no contents.
impl fmt::Debug for DeadMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queue, id, body, .. } = self;
        write!(f, "DeadMessage({queue:?}, {id}, {} bytes)", body.len())
    }
}

#[async_trait]
pub trait DeadLetterQueues: Send + Sync {
    /// Some messages of a queue; none, when it seems to be empty. A message that is not removed comes
    /// again after a while.
    async fn receive(&self, queue: DeadLetterQueue) -> Result<Vec<DeadMessage>, PortError>;

    /// Removes a message that was received. Removing it twice is harmless.
    async fn remove(&self, message: &DeadMessage) -> Result<(), PortError>;
}
