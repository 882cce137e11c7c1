//! The webhook function's SQS queue.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;

use crate::ports::{PortError, QueuedReceipts, ReceiptQueue};

/// A message's body is JSON. The order of receipts does not matter, so it is no FIFO queue.
#[derive(Clone, Debug)]
pub struct SqsReceiptQueue {
    client: Client,
    url: String,
}

impl SqsReceiptQueue {
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }
}

#[async_trait]
impl ReceiptQueue for SqsReceiptQueue {
    async fn keep(&self, queued: &QueuedReceipts) -> Result<(), PortError> {
        let unavailable =
            |detail: String| PortError::Unavailable { what: "the receipt queue", detail };
        let body = serde_json::to_string(queued).map_err(|error| unavailable(error.to_string()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .send()
            .await
            .map_err(|error| unavailable(error.code().unwrap_or("not reached").to_owned()))?;
        Ok(())
    }
}
