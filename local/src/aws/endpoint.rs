//! One address for all AWS APIs that the functions call, for functions that run outside this
//! process, in containers of `sam local`.

use std::sync::Arc;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::aws::services::{ServiceError, Services};

/// The beginning of the names of DynamoDB's operations.
const DYNAMODB: &str = "DynamoDB_20120810.";

/// Serving ends when the value is dropped.
#[derive(Debug)]
pub struct Serving(JoinHandle<()>);

impl Serving {
    /// Ends the serving. The port is free afterwards.
    pub async fn end(mut self) {
        self.0.abort();
        let _aborted = (&mut self.0).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves a router until the value is dropped.
pub(crate) fn serve(listener: TcpListener, router: Router) -> Serving {
    Serving(tokio::spawn(async {
        // This never returns; it is aborted when the value is dropped.
        let _never = axum::serve(listener, router).await;
    }))
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
            "secretsmanager" => format!("http://aws_sdk_secretsmanager{uri}"),
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
