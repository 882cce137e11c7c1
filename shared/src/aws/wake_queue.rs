//! The FIFO queue that wakes senders.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};

use crate::ports::{PortError, WakeGroup, Waker};

/// A wake's body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wake {
    /// The channel whose lane has work.
    pub channel: String,
}

impl Wake {
    /// The message group that a wake of this lane belongs to.
    #[must_use]
    pub fn group_id(channel: &str, group: WakeGroup) -> String {
        format!("{channel}#{}", group.as_str())
    }

    /// Which of the lane's groups a message group id names; `None` when it is not this lane's.
    #[must_use]
    pub fn group_in(&self, group_id: &str) -> Option<WakeGroup> {
        WakeGroup::ALL.into_iter().find(|group| Self::group_id(&self.channel, *group) == group_id)
    }
}

/// The queue.
#[derive(Clone, Debug)]
pub struct WakeQueue {
    client: Client,
    url: String,
}

impl WakeQueue {
    /// The queue at a URL.
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
