//! The AWS client over TCP, and the database's server.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use dynoxide::Database;
use tokio::task::JoinHandle;

use super::transaction_tokens::WithoutTokens;

/// The configuration of the deployed functions, with credentials for tests.
pub(super) fn config() -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .retry_config(alimi::aws::retries())
        .region(Region::from_static("ap-northeast-2"))
        .credentials_provider(Credentials::for_tests())
}

/// The AWS client, over TCP on loopback.
#[must_use]
pub fn client_over_tcp(endpoint: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = config().http_client(http).endpoint_url(endpoint).interceptor(WithoutTokens);
    Client::from_conf(config.build())
}

/// The database behind a port on loopback. Serving ends when the value is dropped.
#[derive(Debug)]
pub struct Served {
    /// The address, as an AWS endpoint.
    pub endpoint: String,
    stop: tokio::sync::oneshot::Sender<()>,
    serving: JoinHandle<Result<(), String>>,
}

impl Served {
    /// Ends the serving. The port is free afterwards, and the requests in progress have ended.
    pub async fn end(self) {
        drop(self.stop);
        let _served = self.serving.await;
    }
}

/// Serves the database on a port. Port 0 means any free port.
///
/// # Errors
/// When the port cannot be opened.
pub async fn serve(database: Database, port: u16) -> std::io::Result<Served> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let serving = tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
        let _dropped = stopped.await;
    }));
    Ok(Served { endpoint, stop, serving })
}
