//! The AWS client without sockets.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::{
    AuthScheme, AuthSchemeEndpointConfig, AuthSchemeId, Sign,
};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::identity::{Identity, SharedIdentityResolver};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{GetIdentityResolver, RuntimeComponents};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::client::config;
use super::faults::{DatabaseFault, DatabaseFaults};

/// The AWS client with the database as its transport. It uses no sockets, so a test's clock can
/// stand still. Each request takes `latency` before its effect and again after it, and a test can
/// crash its caller in either.
#[must_use]
pub fn client_in_process(database: Database, latency: Duration, faults: DatabaseFaults) -> Client {
    let transport = InProcess { database: Arc::new(database), latency, faults };
    Client::from_conf(
        config()
            .http_client(transport)
            .endpoint_url("http://dynamodb.in-process")
            .push_auth_scheme(Unsigned)
            .build(),
    )
}

/// Replaces the signatures of requests, which nobody checks here.
#[derive(Debug)]
struct Unsigned;

impl AuthScheme for Unsigned {
    fn scheme_id(&self) -> AuthSchemeId {
        AuthSchemeId::from("sigv4")
    }

    fn identity_resolver(
        &self,
        resolvers: &dyn GetIdentityResolver,
    ) -> Option<SharedIdentityResolver> {
        resolvers.identity_resolver(self.scheme_id())
    }

    fn signer(&self) -> &dyn Sign {
        self
    }
}

impl Sign for Unsigned {
    fn sign_http_request(
        &self,
        _: &mut HttpRequest,
        _: &Identity,
        _: AuthSchemeEndpointConfig<'_>,
        _: &RuntimeComponents,
        _: &ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

#[derive(Clone)]
struct InProcess {
    database: Arc<Database>,
    latency: Duration,
    faults: DatabaseFaults,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(this.latency).await;
            let fault = this.faults.take_next();
            let answered = match fault {
                None => this.answer(&request),
                Some(DatabaseFault::AnswerLost) => this
                    .answer(&request)
                    .and_then(|_| Err(ConnectorError::io("the connection was lost".into()))),
                Some(DatabaseFault::Refused) => {
                    refusal(400, "com.amazon.coral.availability#ThrottlingException")
                }
                Some(DatabaseFault::Failed) => {
                    refusal(500, "com.amazonaws.dynamodb.v20120810#InternalServerError")
                }
                Some(DatabaseFault::NoAnswer) => std::future::pending().await,
            };
            tokio::time::sleep(this.latency).await;
            answered
        })
    }
}

fn refusal(status: u16, kind: &str) -> Result<HttpResponse, ConnectorError> {
    let body = json!({ "__type": kind });
    let status =
        StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
}

impl InProcess {
    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.rsplit_once('.'))
            .map_or("", |(_, operation)| operation);
        let body = request.body().bytes().unwrap_or_default();
        if !matches!(operation, "GetItem" | "Query" | "Scan" | "BatchGetItem") {
            self.faults.count_write();
        }
        let (status, body) = match self.run(operation, body) {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json()),
        };
        let status = StatusCode::try_from(status)
            .map_err(|error| ConnectorError::other(error.into(), None))?;
        Ok(HttpResponse::new(status, SdkBody::from(body)))
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
        let db = &self.database;
        match operation {
            "PutItem" => call(body, |request| db.put_item(request)),
            "GetItem" => call(body, |request| db.get_item(request)),
            "UpdateItem" => call(body, |request| db.update_item(request)),
            "DeleteItem" => call(body, |request| db.delete_item(request)),
            "Query" => call(body, |request| db.query(request)),
            "Scan" => call(body, |request| db.scan(request)),
            "BatchGetItem" => call(body, |request| db.batch_get_item(request)),
            "BatchWriteItem" => call(body, |request| db.batch_write_item(request)),
            "TransactWriteItems" => call(body, |request| db.transact_write_items(request)),
            other => Err(DynoxideError::ValidationException(format!(
                "the in-process transport does not support {other}"
            ))),
        }
    }
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    run: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let invalid = |error: serde_json::Error| DynoxideError::ValidationException(error.to_string());
    let request = serde_json::from_slice(body).map_err(invalid)?;
    serde_json::to_string(&run(request)?).map_err(invalid)
}
