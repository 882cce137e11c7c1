//! The sender function's FIFO queue.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;

use crate::ports::{PortError, WakeGroup, Waker};

/// A wake's body: the channel whose lane has work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wake {
    pub channel: String,
}

impl Wake {
    /// The message group id of a wake.
    #[must_use]
    pub fn group_id(channel: &str, group: WakeGroup) -> String {
        format!("{channel}#{}", group.as_str())
    }

    /// The wake's group, by its message group id. `None` when the id belongs to another lane.
    #[must_use]
    pub fn group_in(&self, group_id: &str) -> Option<WakeGroup> {
        let mut groups = WakeGroup::VARIANTS.iter().copied();
        groups.find(|group| Self::group_id(&self.channel, *group) == group_id)
    }
}

#[derive(Clone, Debug)]
pub struct WakeQueue {
    client: Client,
    url: String,
}

impl WakeQueue {
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }
}

#[async_trait]
impl Waker for WakeQueue {
    async fn wake(
        &self,
        channel: &str,
        group: WakeGroup,
        deduplication: &str,
    ) -> Result<(), PortError> {
        let unavailable =
            |detail: String| PortError::Unavailable { what: "the wake queue", detail };
        let body = serde_json::to_string(&Wake { channel: channel.to_owned() })
            .map_err(|error| unavailable(error.to_string()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(Wake::group_id(channel, group))
            .message_deduplication_id(deduplication)
            .message_body(body)
            .send()
            .await
            .map_err(|error| unavailable(error.code().unwrap_or("not reached").to_owned()))?;
        Ok(())
    }
}
