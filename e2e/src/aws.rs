//! Clients of the emulated services, for what a user does through them.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_sqs::types::QueueAttributeName;

use crate::{REGION, Result};

/// The services.
pub struct Aws {
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// `EventBridge` Scheduler.
    pub scheduler: aws_sdk_scheduler::Client,
}

impl Aws {
    /// Clients of an endpoint on loopback.
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

    /// An attribute of a queue.
    ///
    /// # Errors
    /// When the queue or the attribute is not there.
    pub async fn queue_attribute(&self, url: &str, name: QueueAttributeName) -> Result<String> {
        let answer =
            self.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send();
        let attributes = answer.await?.attributes.unwrap_or_default();
        let value = attributes.get(&name).ok_or_else(|| format!("the queue has no {name}"))?;
        Ok(value.clone())
    }

    /// The queue that a queue's failed messages go to, and after how many receives.
    ///
    /// # Errors
    /// When it has none.
    pub async fn redrive(&self, url: &str) -> Result<(String, u32)> {
        let policy = self.queue_attribute(url, QueueAttributeName::RedrivePolicy).await?;
        let policy: serde_json::Value = serde_json::from_str(&policy)?;
        let arn = policy["deadLetterTargetArn"].as_str().ok_or("the policy names no queue")?;
        let name = arn.rsplit(':').next().unwrap_or_default();
        let found = self.sqs.get_queue_url().queue_name(name).send().await?;
        let url = found.queue_url.ok_or("the dead-letter queue has no address")?;
        // A number, or one in quotes.
        let receives_max = policy["maxReceiveCount"].to_string();
        Ok((url, receives_max.trim_matches('"').parse()?))
    }
}
