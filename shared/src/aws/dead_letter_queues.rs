//! The dead-letter queues, as the observer reads them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as Attribute};

use crate::ports::{DeadLetterQueue, DeadLetterQueues, DeadMessage, PortError};

/// As many messages as SQS gives at a time.
const BATCH: i32 = 10;
/// Without a wait, SQS asks some of its servers only, and may find nothing in a queue that has messages.
const WAIT_S: i32 = 1;

/// The queues' addresses.
#[derive(Clone, Debug)]
pub struct DeadLetterUrls {
    pub wakes: String,
    pub runs: String,
    pub receipts: String,
    pub changes: String,
}

impl DeadLetterUrls {
    fn of(&self, queue: DeadLetterQueue) -> &str {
        match queue {
            DeadLetterQueue::Wakes => &self.wakes,
            DeadLetterQueue::Runs => &self.runs,
            DeadLetterQueue::Receipts => &self.receipts,
            DeadLetterQueue::Changes => &self.changes,
        }
    }
}

#[derive(Clone, Debug)]
pub struct SqsDeadLetters {
    client: Client,
    urls: DeadLetterUrls,
}

impl SqsDeadLetters {
    #[must_use]
    pub fn new(client: Client, urls: DeadLetterUrls) -> Self {
        Self { client, urls }
    }
}

fn unavailable(error: &impl ProvideErrorMetadata) -> PortError {
    let detail = error.code().unwrap_or("not reached").to_owned();
    PortError::Unavailable { what: "a dead-letter queue", detail }
}

#[async_trait]
impl DeadLetterQueues for SqsDeadLetters {
    async fn receive(&self, queue: DeadLetterQueue) -> Result<Vec<DeadMessage>, PortError> {
        let received = self
            .client
            .receive_message()
            .queue_url(self.urls.of(queue))
            .max_number_of_messages(BATCH)
            .wait_time_seconds(WAIT_S)
            .message_system_attribute_names(Attribute::All)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        let messages = received.messages.unwrap_or_default();
        Ok(messages.into_iter().filter_map(|message| read(queue, message)).collect())
    }

    async fn remove(&self, message: &DeadMessage) -> Result<(), PortError> {
        self.client
            .delete_message()
            .queue_url(self.urls.of(message.queue))
            .receipt_handle(&message.handle)
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(())
    }
}

/// A message has an id and a handle whenever SQS gives it out.
fn read(queue: DeadLetterQueue, message: Message) -> Option<DeadMessage> {
    let system = message.attributes.unwrap_or_default();
    let number = |name: &Attribute| system.get(name).and_then(|text| text.parse::<i64>().ok());
    let sent_at_ms = number(&Attribute::SentTimestamp).unwrap_or(0);
    let receives = number(&Attribute::ApproximateReceiveCount).unwrap_or(1);
    let attributes = message.message_attributes.unwrap_or_default().into_iter();
    let attributes: BTreeMap<String, String> =
        attributes.filter_map(|(name, value)| Some((name, value.string_value?))).collect();
    Some(DeadMessage {
        queue,
        id: message.message_id?,
        handle: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
        group: system.get(&Attribute::MessageGroupId).cloned(),
        sent_at_ms,
        receives: u32::try_from(receives).unwrap_or(1),
        attributes,
    })
}
