//! The queues that dead letters are sent back to.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;

use crate::domain::Edge;
use crate::ports::{PortError, RedriveQueues};

/// The queues' addresses.
#[derive(Clone, Debug)]
pub struct RedriveUrls {
    pub wakes: String,
    pub runs: String,
    pub receipts: String,
}

#[derive(Clone, Debug)]
pub struct SqsRedrive {
    client: Client,
    urls: RedriveUrls,
}

impl SqsRedrive {
    #[must_use]
    pub fn new(client: Client, urls: RedriveUrls) -> Self {
        Self { client, urls }
    }
}

#[async_trait]
impl RedriveQueues for SqsRedrive {
    async fn send_again(
        &self,
        edge: Edge,
        body: &str,
        group: Option<&str>,
        deduplication: &str,
    ) -> Result<(), PortError> {
        let url = match edge {
            Edge::Wakes => &self.urls.wakes,
            Edge::Runs | Edge::Firings => &self.urls.runs,
            Edge::Receipts => &self.urls.receipts,
            Edge::Changes => {
                let detail = "changes are not sent again".to_owned();
                return Err(PortError::Unusable { what: "the stream", detail });
            }
        };
        let mut message = self.client.send_message().queue_url(url).message_body(body);
        // Only this queue is FIFO.
        if edge == Edge::Wakes {
            message = message
                .message_group_id(group.unwrap_or("redriven"))
                .message_deduplication_id(deduplication);
        }
        message.send().await.map_err(|error| PortError::Unavailable {
            what: "the queue of a dead letter",
            detail: error.code().unwrap_or("not reached").to_owned(),
        })?;
        Ok(())
    }
}
