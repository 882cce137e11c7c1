//! HTTP to AWS, for the SDKs' clients, by the library that also talks to the providers.
//!
//! The SDKs' own HTTP client always contains HTTP/2, a tenth of a binary, which none of the AWS
//! services that the functions call speaks. It would also be a second HTTP stack in each binary.

use std::time::Duration;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::tls;

/// How many idle connections to a service are kept. Reqwest's default is no limit. After a burst of
/// requests the idle connections would then use up the 1,024 files that a function on Lambda may
/// have open.
const IDLE_CONNECTIONS_MAX: usize = 50;

/// The timeout of a new connection. The time-outs of the SDKs' clients end a try earlier; this one
/// is for clients without.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// HTTPS to AWS, and HTTP to emulators.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    tls::use_ring();
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .tcp_nodelay(true)
        .no_proxy()
        // A redirected request would have another's signature.
        .redirect(reqwest::redirect::Policy::none())
        // The SDKs repeat requests, as they are configured.
        .retry(reqwest::retry::never())
        .build();
    SharedHttpClient::new(AwsHttp(client.map_err(|error| error.to_string())))
}

/// The client, or why it cannot be made: every request then fails with this text.
#[derive(Clone, Debug)]
struct AwsHttp(Result<reqwest::Client, String>);

impl HttpClient for AwsHttp {
    /// All connectors share one pool of connections. The settings' time-outs are those of
    /// connecting and reading; the functions set time-outs of whole tries, which the SDKs observe.
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for AwsHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let client = client.map_err(|error| ConnectorError::user(error.into()))?;
            let request = to_reqwest(request)?;
            let response = client.execute(request).await.map_err(connector_error)?;
            to_smithy(response).await
        })
    }
}

fn to_reqwest(request: HttpRequest) -> Result<reqwest::Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let Some(body) = body.bytes().map(Bytes::copy_from_slice) else {
        return Err(ConnectorError::user("the body of a request is not in memory".into()));
    };
    let path = parts.uri.path().to_owned();
    let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
        .map_err(|error| ConnectorError::user(error.into()))?;
    // A URL has no segments `.` and `..`, but a file's name in S3 may have them.
    if request.url().path() == path {
        Ok(request)
    } else {
        Err(ConnectorError::user("a path may have no segment of dots".into()))
    }
}

/// Reads a response to its end. The time-out of a try includes this.
async fn to_smithy(mut response: reqwest::Response) -> Result<HttpResponse, ConnectorError> {
    let status = response.status().into();
    let headers = std::mem::take(response.headers_mut());
    let body = response.bytes().await.map_err(connector_error)?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in &headers {
        // AWS's headers are texts. A header that is none is left out.
        if let Ok(value) = value.to_str() {
            response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}

/// The SDKs repeat a request after each of these errors but a wrong request.
fn connector_error(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_sdk_dynamodb::config::retry::RetryConfig;
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Barrier;

    use super::*;

    const RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n\
        content-length: 2\r\n\r\n{}";

    /// A service with one response. An empty one closes the connection.
    struct Service {
        port: u16,
        open_connections: Arc<AtomicUsize>,
        requests: Arc<AtomicUsize>,
    }

    impl Service {
        /// Answers once so many requests wait for their answers.
        async fn start(response: &'static str, at_once: usize) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
            let port = listener.local_addr().expect("an address").port();
            let (open_connections, requests) = (Arc::default(), Arc::default());
            let service = Self {
                port,
                open_connections: Arc::clone(&open_connections),
                requests: Arc::clone(&requests),
            };
            let all_wait = Arc::new(Barrier::new(at_once));
            tokio::spawn(async move {
                while let Ok((mut socket, _)) = listener.accept().await {
                    open_connections.fetch_add(1, Ordering::Relaxed);
                    let open_connections = Arc::clone(&open_connections);
                    let (requests, all_wait) = (Arc::clone(&requests), Arc::clone(&all_wait));
                    tokio::spawn(async move {
                        let mut read = [0; 8192];
                        while socket.read(&mut read).await.is_ok_and(|size| size > 0) {
                            requests.fetch_add(1, Ordering::Relaxed);
                            all_wait.wait().await;
                            if response.is_empty() {
                                break;
                            }
                            let _written = socket.write_all(response.as_bytes()).await;
                        }
                        open_connections.fetch_sub(1, Ordering::Relaxed);
                    });
                }
            });
            service
        }

        fn requests(&self) -> usize {
            self.requests.load(Ordering::Relaxed)
        }

        fn client(&self, retries: RetryConfig) -> aws_sdk_dynamodb::Client {
            let config = aws_sdk_dynamodb::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("ap-northeast-2"))
                .credentials_provider(Credentials::for_tests())
                .retry_config(retries)
                .http_client(https_client())
                .endpoint_url(format!("http://127.0.0.1:{}", self.port));
            aws_sdk_dynamodb::Client::from_conf(config.build())
        }
    }

    #[tokio::test]
    async fn after_a_burst_of_requests_few_connections_stay_open() {
        const BURST: usize = IDLE_CONNECTIONS_MAX + 10;
        let service = Service::start(RESPONSE, BURST).await;
        let client = service.client(RetryConfig::disabled());
        let requests = (0..BURST).map(|_| client.list_tables().send());
        let answers = futures::future::join_all(requests).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");

        let open = || service.open_connections.load(Ordering::Relaxed);
        let others_close = async {
            while open() > IDLE_CONNECTIONS_MAX {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), others_close).await.expect("they close");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(open(), IDLE_CONNECTIONS_MAX);
    }

    #[tokio::test]
    async fn requests_one_after_the_other_share_a_connection() {
        let service = Service::start(RESPONSE, 1).await;
        let client = service.client(RetryConfig::disabled());
        for _ in 0..3 {
            client.list_tables().send().await.expect("an answer");
        }
        assert_eq!(service.requests(), 3);
        assert_eq!(service.open_connections.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn the_sdk_repeats_a_request_whose_connection_breaks() {
        let service = Service::start("", 1).await;
        let quick = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let client = service.client(quick.with_max_attempts(3));
        let error = client.list_tables().send().await.expect_err("no answer");
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
        assert_eq!(service.requests(), 3);
    }

    #[tokio::test]
    async fn the_sdk_reads_an_errors_status_headers_and_body() {
        let service = Service::start(
            "HTTP/1.1 400 Bad Request\r\nx-amzn-requestid: 7\r\ncontent-length: 62\r\n\r\n\
             {\"__type\":\"a#ResourceNotFoundException\",\"message\":\"no table\"}\n",
            1,
        )
        .await;
        let client = service.client(RetryConfig::disabled());
        let error = client.list_tables().send().await.expect_err("an error");
        assert_eq!(error.code(), Some("ResourceNotFoundException"));
        assert_eq!(error.message(), Some("no table"));
        let response = error.raw_response().expect("a response");
        assert_eq!(response.status().as_u16(), 400);
        assert_eq!(response.headers().get("x-amzn-requestid"), Some("7"));
    }

    /// The request would be for another file than the one that was signed.
    #[test]
    fn a_path_is_sent_as_it_was_signed_or_not_at_all() {
        let sent = |path: &str| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_uri(format!("https://audiences.s3.amazonaws.com{path}")).expect("a URI");
            to_reqwest(request).map(|request| request.url().path().to_owned()).ok()
        };
        for path in ["/", "/members//2026%2011/%EA%B5%90.csv", "/a%2Bb~c_d-e.f"] {
            assert_eq!(sent(path).as_deref(), Some(path));
        }
        assert_eq!(sent("/members/../payroll.csv"), None);
        assert_eq!(sent("/members/./payroll.csv"), None);
    }

    /// S3 redirects from a wrong region. The caller reads that from the status.
    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let service = Service::start(
            "HTTP/1.1 301 Moved Permanently\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
            1,
        )
        .await;
        let client = service.client(RetryConfig::disabled());
        let error = client.list_tables().send().await.expect_err("no answer");
        assert_eq!(error.raw_response().map(|response| response.status().as_u16()), Some(301));
        assert_eq!(service.requests(), 1);
    }
}
