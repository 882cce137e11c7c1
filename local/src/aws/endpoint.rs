//! One address for all AWS APIs that the functions call, for functions that run outside this
//! process, in containers of `sam local`.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::aws::services::{JSON_URL, ServiceError, Services};

/// The beginning of the names of DynamoDB's operations.
const DYNAMODB: &str = "DynamoDB_20120810.";

/// The time for the requests that are being answered when the serving ends.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Serving ends when the value is dropped.
#[derive(Debug)]
pub struct Serving {
    /// When the sender is dropped, the listener closes, and each connection closes after the
    /// request that it is answering.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Ends the serving. The port is free afterwards, and all connections are closed. A caller that
    /// reuses its connections therefore reaches whatever listens on the port next.
    pub async fn end(self) {
        let Self { stop, mut task } = self;
        drop(stop);
        if timeout(END_WITHIN, &mut task).await.is_err() {
            task.abort();
            let _aborted = task.await;
        }
    }
}

/// Serves a router until the value is dropped.
pub(crate) fn serve(listener: TcpListener, router: Router) -> Serving {
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async {
        let serving = axum::serve(listener, router).with_graceful_shutdown(async {
            // Nothing is ever sent: the sender is dropped.
            let _dropped = stopped.await;
        });
        // Accepting connections returns no errors.
        let _ended = serving.await;
    });
    Serving { stop, task }
}

/// The services behind one address. `database` is the address of DynamoDB.
pub(crate) fn router(database: String, services: Services) -> Router {
    let aws = Arc::new(Aws { database, services, client: reqwest::Client::new() });
    Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let aws = aws.clone();
        async move {
            match aws.answer(&method, &uri, &headers, body).await {
                Ok(answer) => answer,
                // The caller's log shows the error: nobody reads a log of this process.
                Err(error) => (StatusCode::NOT_IMPLEMENTED, error.to_string()).into_response(),
            }
        }
    })
}

struct Aws {
    database: String,
    services: Services,
    client: reqwest::Client,
}

impl Aws {
    async fn answer(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, ServiceError> {
        let target = headers.get("x-amz-target").map(|value| value.to_str()).transpose()?;
        let target = target.unwrap_or_default();
        let (service, _) = target.split_once('.').unwrap_or_default();
        let url = match service {
            _ if target.starts_with(DYNAMODB) => {
                return self.forward_to_database(headers, body).await;
            }
            "AmazonSQS" => format!("http://aws_sdk_sqs{uri}"),
            "secretsmanager" => format!("{JSON_URL}{uri}"),
            _ if uri.path().starts_with("/schedules") => format!("http://aws_sdk_scheduler{uri}"),
            _ => match uri.path().trim_start_matches('/').split_once('/') {
                Some((bucket, key)) => format!("http://s3/{bucket}/{key}"),
                None => return Err(format!("no stand-in answers {method} {uri} {target}").into()),
            },
        };
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method.as_str())?;
        request.set_uri(url)?;
        for (name, value) in headers {
            request.headers_mut().append(name.as_str().to_owned(), value.to_str()?.to_owned());
        }
        let response = self.services.answer(&request).await?;
        let mut answer = Response::builder().status(response.status().as_u16());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let body = response.body().bytes().unwrap_or_default().to_vec();
        Ok(answer.header(header::CONTENT_TYPE, "application/x-amz-json-1.0").body(body.into())?)
    }

    async fn forward_to_database(
        &self,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, ServiceError> {
        let mut headers = headers.clone();
        // The client sets these for its own connection.
        headers.remove(header::HOST);
        headers.remove(header::CONTENT_LENGTH);
        let request = self.client.post(&self.database).headers(headers).body(body);
        let answer = request.send().await?;
        let mut response = Response::builder().status(answer.status());
        for name in [header::CONTENT_TYPE.as_str(), "x-amz-crc32", "x-amzn-requestid"] {
            if let Some(value) = answer.headers().get(name) {
                response = response.header(name, value);
            }
        }
        Ok(response.body(Body::from(answer.bytes().await?))?)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;
    use crate::listen::{listen_on_loopback, port_of};

    #[tokio::test]
    async fn a_caller_that_reuses_its_connections_reaches_the_router_that_listens_now() {
        // Installs the TLS provider that all HTTP clients of this process use.
        let _installed = alimi::providers::ReqwestHttp::new();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let listener = listen_on_loopback(0).await.expect("a port");
        let port = port_of(&listener);
        let ask = async || {
            let answer = client.get(format!("http://127.0.0.1:{port}/")).send().await;
            answer.expect("an answer").text().await.expect("a text")
        };
        let first = serve(listener, Router::new().route("/", get(async || "first")));
        assert_eq!(ask().await, "first");
        first.end().await;
        let listener = listen_on_loopback(port).await.expect("the port is free");
        let _second = serve(listener, Router::new().route("/", get(async || "second")));
        assert_eq!(ask().await, "second");
    }
}
