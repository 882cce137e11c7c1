//! The sender function's FIFO queue.

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;

use super::wake_memory::WakeMemory;
use crate::ports::{PortError, WakeGroup, Waker};

/// A wake's body: the channel whose lane has work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wake {
    pub channel: String,
    /// An operator has changed the channel: see [`Waker::wake_despite_pause`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub despite_pause: bool,
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
    sent: WakeMemory,
}

impl WakeQueue {
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url, sent: WakeMemory::default() }
    }

    async fn send(
        &self,
        wake: &Wake,
        group: WakeGroup,
        deduplication: &str,
    ) -> Result<(), PortError> {
        let unavailable =
            |detail: String| PortError::Unavailable { what: "the wake queue", detail };
        let body = serde_json::to_string(wake).map_err(|error| unavailable(error.to_string()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(Wake::group_id(&wake.channel, group))
            .message_deduplication_id(deduplication)
            .message_body(body)
            .send()
            .await
            .map_err(|error| unavailable(error.code().unwrap_or("not reached").to_owned()))?;
        Ok(())
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
        if self.sent.has(deduplication) {
            return Ok(());
        }
        let wake = Wake { channel: channel.to_owned(), despite_pause: false };
        self.send(&wake, group, deduplication).await?;
        self.sent.remember(deduplication);
        Ok(())
    }

    async fn wake_despite_pause(
        &self,
        channel: &str,
        group: WakeGroup,
        deduplication: &str,
    ) -> Result<(), PortError> {
        let wake = Wake { channel: channel.to_owned(), despite_pause: true };
        self.send(&wake, group, deduplication).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// An SQS that takes or refuses every message, and counts them.
    #[derive(Clone, Debug, Default)]
    struct Service(Arc<Mutex<Counted>>);

    #[derive(Debug, Default)]
    struct Counted {
        refuses: bool,
        requests: usize,
    }

    impl Service {
        fn refuse(&self, refuses: bool) {
            self.0.lock().expect("no panic").refuses = refuses;
        }

        fn requests(&self) -> usize {
            self.0.lock().expect("no panic").requests
        }

        fn queue(&self) -> WakeQueue {
            let config = aws_sdk_sqs::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("ap-northeast-2"))
                .credentials_provider(Credentials::for_tests())
                .http_client(self.clone())
                .endpoint_url("http://sqs.in-process")
                .build();
            WakeQueue::new(Client::from_conf(config), "http://sqs.in-process/WakeQueue".into())
        }
    }

    impl HttpClient for Service {
        fn http_connector(
            &self,
            _: &HttpConnectorSettings,
            _: &RuntimeComponents,
        ) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Service {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let mut counted = self.0.lock().expect("no panic");
            counted.requests += 1;
            let (status, body) = if counted.refuses {
                (400_u16, r#"{"__type":"AccessDeniedException"}"#)
            } else {
                (200, r#"{"MessageId":"sent"}"#)
            };
            let status = status.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
        }
    }

    #[test]
    fn a_wake_says_only_after_a_change_of_its_channel_that_no_pause_counts() {
        for (despite_pause, body) in
            [(false, r#"{"channel":"sms"}"#), (true, r#"{"channel":"sms","despite_pause":true}"#)]
        {
            let wake = Wake { channel: "sms".into(), despite_pause };
            assert_eq!(serde_json::to_string(&wake).expect("JSON"), body);
            assert_eq!(serde_json::from_str::<Wake>(body).expect("a wake"), wake);
        }
    }

    async fn wake(queue: &WakeQueue, second: u32) -> Result<(), PortError> {
        queue.wake("sms", WakeGroup::Zero, &format!("sms-0-{second}")).await
    }

    #[tokio::test]
    async fn a_hundred_wakes_in_one_second_are_one_request() {
        let service = Service::default();
        let queue = service.queue();
        for _ in 0..100 {
            wake(&queue, 1).await.expect("woken");
        }
        assert_eq!(service.requests(), 1);
        wake(&queue.clone(), 1).await.expect("woken");
        assert_eq!(service.requests(), 1, "a clone has the same memory");
        wake(&queue, 2).await.expect("woken");
        assert_eq!(service.requests(), 2, "the next second");
    }

    #[tokio::test]
    async fn a_wake_that_failed_is_sent_again() {
        let service = Service::default();
        let queue = service.queue();
        service.refuse(true);
        wake(&queue, 1).await.expect_err("refused");
        service.refuse(false);
        wake(&queue, 1).await.expect("woken");
        assert_eq!(service.requests(), 2);
    }
}
