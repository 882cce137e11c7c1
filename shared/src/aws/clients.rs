//! Clients of the AWS services, made from a function's environment.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;

use super::audience_files::{FileService, S3Files};
use super::dead_letter_queues::{DeadLetterUrls, SqsDeadLetters};
use super::environment::{ConfigError, Environment};
use super::http_client::https_client;
use super::receipt_queue::SqsReceiptQueue;
use super::redrive_queues::{RedriveUrls, SqsRedrive};
use super::run_queue::SqsRunQueue;
use super::scheduler::{EventBridgeScheduler, SchedulerTarget};
use super::secrets::SecretsManager;
use super::wake_queue::WakeQueue;
use crate::ports::Clock;
use crate::store::{DynamoStore, Retention, Tables};

/// The timeout of one try. A dead connection must not delay a sender for longer.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The timeout of all tries of a request together: less than a lease.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(7);

/// How often the clients try a request, the first try included.
pub const TRIES: u32 = 5;
/// The longest pause before the second try; each later pause may be twice as long. The SDK's own
/// first pause is a second, for which a message that is claimed for its slot cannot wait.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How the clients retry.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(FIRST_PAUSE)
}

/// Makes the clients, once for each execution environment of Lambda.
#[derive(Clone, Debug)]
pub struct Aws {
    sdk: SdkConfig,
    files: FileService,
    retention: Retention,
}

impl Aws {
    /// Takes region, credentials and endpoint from where Lambda sets them. `aws-config` would find
    /// them too, but its other credential sources would enlarge each binary.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is not set or has a wrong value.
    pub fn in_lambda(environment: Environment) -> Result<Self, ConfigError> {
        let credentials = Credentials::new(
            environment.required("AWS_ACCESS_KEY_ID")?,
            environment.required("AWS_SECRET_ACCESS_KEY")?,
            environment.optional("AWS_SESSION_TOKEN"),
            None,
            "Lambda",
        );
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let http_client = https_client();
        let region = environment.required("AWS_REGION")?;
        let files = FileService {
            region: region.clone(),
            credentials: credentials.clone(),
            endpoint_url: environment
                .optional("AWS_ENDPOINT_URL_S3")
                .or_else(|| environment.endpoint_url()),
            http_client: http_client.clone(),
            retries: retries(),
            timeouts: timeouts.clone(),
            interceptor: None,
        };
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client)
            .timeout_config(timeouts)
            .retry_config(retries())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .service_config(environment);
        sdk.set_endpoint_url(environment.endpoint_url());
        Ok(Self { sdk: sdk.build(), files, retention: environment.retention()? })
    }

    #[must_use]
    pub fn store(&self, tables: Tables, clock: Arc<dyn Clock>) -> DynamoStore {
        DynamoStore::new(aws_sdk_dynamodb::Client::new(&self.sdk), tables, clock)
            .with_retention(self.retention)
    }

    #[must_use]
    pub fn wake_queue(&self, url: String) -> WakeQueue {
        WakeQueue::new(aws_sdk_sqs::Client::new(&self.sdk), url)
    }

    #[must_use]
    pub fn receipt_queue(&self, url: String) -> SqsReceiptQueue {
        SqsReceiptQueue::new(aws_sdk_sqs::Client::new(&self.sdk), url)
    }

    #[must_use]
    pub fn run_queue(&self, url: String) -> SqsRunQueue {
        SqsRunQueue::new(aws_sdk_sqs::Client::new(&self.sdk), url)
    }

    #[must_use]
    pub fn dead_letters(&self, urls: DeadLetterUrls) -> SqsDeadLetters {
        SqsDeadLetters::new(aws_sdk_sqs::Client::new(&self.sdk), urls)
    }

    #[must_use]
    pub fn redrive(&self, urls: RedriveUrls) -> SqsRedrive {
        SqsRedrive::new(aws_sdk_sqs::Client::new(&self.sdk), urls)
    }

    #[must_use]
    pub fn audience_files(&self) -> S3Files {
        S3Files::new(self.files.clone())
    }

    #[must_use]
    pub fn scheduler(&self, target: SchedulerTarget) -> EventBridgeScheduler {
        EventBridgeScheduler::new(aws_sdk_scheduler::Client::new(&self.sdk), target)
    }

    #[must_use]
    pub fn secrets(&self) -> SecretsManager {
        SecretsManager::new(self.sdk.clone())
    }
}
