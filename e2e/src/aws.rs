//! Clients of the emulated AWS services.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_sqs::types::QueueAttributeName;

use crate::result::Result;

/// The region in `samconfig.toml`.
pub const REGION: &str = "ap-northeast-2";

pub struct Aws {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub secrets: aws_sdk_secretsmanager::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub scheduler: aws_sdk_scheduler::Client,
}

impl Aws {
    /// Clients of one endpoint on loopback.
    pub fn at(endpoint: &str) -> Self {
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::from_static(REGION))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk),
            secrets: aws_sdk_secretsmanager::Client::new(&sdk),
            sqs: aws_sdk_sqs::Client::new(&sdk),
            scheduler: aws_sdk_scheduler::Client::new(&sdk),
        }
    }

    /// Reads an attribute of a queue.
    ///
    /// # Errors
    /// When the queue or the attribute does not exist.
    pub async fn queue_attribute(&self, url: &str, name: QueueAttributeName) -> Result<String> {
        let answer =
            self.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send();
        let attributes = answer.await?.attributes.unwrap_or_default();
        let value = attributes.get(&name).ok_or_else(|| format!("the queue has no {name}"))?;
        Ok(value.clone())
    }

    /// A queue's dead-letter queue, and the number of receives after which a message goes there.
    ///
    /// # Errors
    /// When the queue has no dead-letter queue.
    pub async fn redrive(&self, url: &str) -> Result<(String, u32)> {
        let policy = self.queue_attribute(url, QueueAttributeName::RedrivePolicy).await?;
        let policy: serde_json::Value = serde_json::from_str(&policy)?;
        let arn = policy["deadLetterTargetArn"].as_str().ok_or("the policy names no queue")?;
        let name = arn.rsplit(':').next().unwrap_or_default();
        let found = self.sqs.get_queue_url().queue_name(name).send().await?;
        let url = found.queue_url.ok_or("the dead-letter queue has no address")?;
        // The emulator may write the number with quotes.
        let receives_max = policy["maxReceiveCount"].to_string();
        Ok((url, receives_max.trim_matches('"').parse()?))
    }
}
