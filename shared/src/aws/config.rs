//! What a function reads from its environment, and the clients made from it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_types::SdkConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::{
    EventBridgeScheduler, S3Files, SchedulerTarget, SecretsManager, SqsRunQueue, WakeQueue,
};
use crate::http::{Callers, iam_caller, iam_identity, iam_or_local_caller, iam_or_local_identity};
use crate::ports::Clock;
use crate::store::{DynamoStore, Tables};

/// One try of a request. A connection that died silently must not hold a sender up.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// All tries of a request: less than a lease.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(7);

/// How often the clients make a request that fails, in all.
pub const TRIES: u32 = 5;
/// Before the second try; each pause may be twice the one before. The SDK's own first one is a second,
/// which a message that is claimed for its slot does not have.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// When the clients try again.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(FIRST_PAUSE)
}

/// A variable that the template, or Lambda itself, should have set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set; template.yaml or Lambda sets it")]
pub struct ConfigError(pub &'static str);

/// A function's environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

impl Environment {
    /// A variable that must be there.
    ///
    /// # Errors
    /// [`ConfigError`] names it.
    pub fn required(self, name: &'static str) -> Result<String, ConfigError> {
        self.optional(name).ok_or(ConfigError(name))
    }

    /// A variable that may be there.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn optional(self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// The tables' names.
    ///
    /// # Errors
    /// [`ConfigError`] names the first that is missing.
    pub fn tables(self) -> Result<Tables, ConfigError> {
        Ok(Tables {
            notifications: self.required("NOTIFICATIONS_TABLE")?,
            catalog: self.required("CATALOG_TABLE")?,
            state: self.required("STATE_TABLE")?,
            members: self.required("MEMBERS_TABLE")?,
            runs: self.required("RUNS_TABLE")?,
        })
    }

    /// What schedules fire.
    ///
    /// # Errors
    /// [`ConfigError`] names the first that is missing.
    pub fn scheduler_target(self) -> Result<SchedulerTarget, ConfigError> {
        Ok(SchedulerTarget {
            group: self.required("SCHEDULE_GROUP")?,
            function: self.required("TRIGGER_FUNCTION_ARN")?,
            role: self.required("SCHEDULER_ROLE_ARN")?,
            dead_letters: self.required("SCHEDULER_DEAD_LETTERS_ARN")?,
        })
    }

    /// The stack's name, by which its metrics differ from another stack's.
    #[must_use]
    pub fn stack(self) -> String {
        self.optional("STACK_NAME").unwrap_or_else(|| "alimi".to_owned())
    }

    /// Who asks: the IAM principal, or whoever reaches `sam local start-api`, which runs on a
    /// developer's machine and authenticates nobody.
    #[must_use]
    pub fn callers(self) -> Callers {
        if self.is_sam_local() { iam_or_local_caller } else { iam_caller }
    }

    /// The same, as people know them.
    #[must_use]
    pub fn identities(self) -> Callers {
        if self.is_sam_local() { iam_or_local_identity } else { iam_identity }
    }

    /// Whether the SAM CLI runs the function.
    fn is_sam_local(self) -> bool {
        self.optional("AWS_SAM_LOCAL").is_some_and(|value| value == "true")
    }

    /// Starts logging at the level of `LOG_LEVEL`.
    pub fn start_logging(self) {
        crate::telemetry::start(&self.optional("LOG_LEVEL").unwrap_or_else(|| "info".to_owned()));
    }
}

/// Endpoints of single services, such as `AWS_ENDPOINT_URL_DYNAMODB`: for stand-ins.
impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        let name = format!("{}_{service}", key.env());
        self.optional(&name).or_else(|| self.optional(key.env()))
    }
}

/// HTTPS to AWS.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// Clients of the AWS services, made once an execution environment.
#[derive(Clone, Debug)]
pub struct Aws {
    sdk: SdkConfig,
}

impl Aws {
    /// Takes region, credentials and endpoint from where Lambda sets them. `aws-config` would find
    /// them too, and bring what looks everywhere else into each binary.
    ///
    /// # Errors
    /// [`ConfigError`] names what Lambda has not set.
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
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(https_client())
            .timeout_config(timeouts)
            .retry_config(retries())
            .region(Region::new(environment.required("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .service_config(environment);
        // The template's own is for `sam local`, which passes only what a template declares, and what
        // it does not fill as an empty text.
        let endpoint = environment.optional("ENDPOINT_URL");
        sdk.set_endpoint_url(endpoint.or_else(|| environment.optional("AWS_ENDPOINT_URL")));
        Ok(Self { sdk: sdk.build() })
    }

    /// The store on DynamoDB.
    #[must_use]
    pub fn store(&self, tables: Tables, clock: Arc<dyn Clock>) -> DynamoStore {
        DynamoStore::new(aws_sdk_dynamodb::Client::new(&self.sdk), tables, clock)
    }

    /// The queue that wakes senders.
    #[must_use]
    pub fn wake_queue(&self, url: String) -> WakeQueue {
        WakeQueue::new(aws_sdk_sqs::Client::new(&self.sdk), url)
    }

    /// The queue that brings runs to the trigger.
    #[must_use]
    pub fn run_queue(&self, url: String) -> SqsRunQueue {
        SqsRunQueue::new(aws_sdk_sqs::Client::new(&self.sdk), url)
    }

    /// Files of audiences in S3.
    #[must_use]
    pub fn audience_files(&self) -> S3Files {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk);
        // A stand-in's host has no other host for each bucket below it.
        let config = config.force_path_style(self.sdk.endpoint_url().is_some());
        S3Files::new(aws_sdk_s3::Client::from_conf(config.build()))
    }

    /// `EventBridge` Scheduler.
    #[must_use]
    pub fn scheduler(&self, target: SchedulerTarget) -> EventBridgeScheduler {
        EventBridgeScheduler::new(aws_sdk_scheduler::Client::new(&self.sdk), target)
    }

    /// Secrets Manager.
    #[must_use]
    pub fn secrets(&self) -> SecretsManager {
        SecretsManager::new(aws_sdk_secretsmanager::Client::new(&self.sdk))
    }
}
