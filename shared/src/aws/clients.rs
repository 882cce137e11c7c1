//! Clients of the AWS services, made from a function's environment.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient,
};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_types::SdkConfig;

use super::audience_files::{FileService, S3Files};
use super::environment::{ConfigError, Environment};
use super::receipt_queue::SqsReceiptQueue;
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

/// How many idle connections to a service are kept. Hyper's default is no limit. After a burst of
/// requests the idle connections would then use up the 1,024 files that a function on Lambda may
/// have open.
const IDLE_CONNECTIONS_MAX: usize = 50;

/// How the clients retry.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(FIRST_PAUSE)
}

/// HTTPS to AWS.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    pooled().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https()
}

fn pooled() -> HttpClientBuilder {
    HttpClientBuilder::new().pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
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
    pub fn audience_files(&self) -> S3Files {
        S3Files::new(self.files.clone())
    }

    #[must_use]
    pub fn scheduler(&self, target: SchedulerTarget) -> EventBridgeScheduler {
        EventBridgeScheduler::new(aws_sdk_scheduler::Client::new(&self.sdk), target)
    }

    #[must_use]
    pub fn secrets(&self) -> SecretsManager {
        SecretsManager::new(aws_sdk_secretsmanager::Client::new(&self.sdk))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Barrier;

    use super::*;

    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\n\
        content-length: 20\r\n\r\n{\"SecretString\":\"a\"}";

    /// A service that answers once so many requests wait for their answers. Returns its port and
    /// the number of its open connections.
    async fn service(requests: usize) -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let open = Arc::new(AtomicUsize::new(0));
        let (count, all_wait) = (Arc::clone(&open), Arc::new(Barrier::new(requests)));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (count, all_wait) = (Arc::clone(&count), Arc::clone(&all_wait));
                tokio::spawn(async move {
                    let mut read = [0; 8192];
                    while socket.read(&mut read).await.is_ok_and(|size| size > 0) {
                        all_wait.wait().await;
                        let _written = socket.write_all(RESPONSE).await;
                    }
                    count.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        (port, open)
    }

    #[tokio::test]
    async fn after_a_burst_of_requests_few_connections_stay_open() {
        const BURST: usize = IDLE_CONNECTIONS_MAX + 10;
        let (port, open) = service(BURST).await;
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("ap-northeast-2"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(RetryConfig::disabled())
            .http_client(pooled().build_http())
            .endpoint_url(format!("http://127.0.0.1:{port}"))
            .build();
        let client = aws_sdk_secretsmanager::Client::from_conf(config);
        let requests = (0..BURST).map(|_| client.get_secret_value().secret_id("alimi/a").send());
        let answers = futures::future::join_all(requests).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");

        let others_close = async {
            while open.load(Ordering::Relaxed) > IDLE_CONNECTIONS_MAX {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), others_close).await.expect("they close");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(open.load(Ordering::Relaxed), IDLE_CONNECTIONS_MAX);
    }
}
