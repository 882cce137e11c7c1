//! The trigger function's SQS queue.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;

use crate::domain::RunKey;
use crate::ports::{PortError, RunQueue};

/// A message's body is a run's key as JSON.
#[derive(Clone, Debug)]
pub struct SqsRunQueue {
    client: Client,
    url: String,
}

impl SqsRunQueue {
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }
}

#[async_trait]
impl RunQueue for SqsRunQueue {
    async fn request_run(&self, key: &RunKey) -> Result<(), PortError> {
        let unavailable = |detail: String| PortError::Unavailable { what: "the run queue", detail };
        let body = serde_json::to_string(key).map_err(|error| unavailable(error.to_string()))?;
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
