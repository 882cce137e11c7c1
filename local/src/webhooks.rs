//! The webhook addresses that the simulated provider posts receipts to: one for each channel, as an
//! operator has them registered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::routing::put;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::Client;
use serde_json::Value;

use crate::aws::embedded::{EmbeddedError, StandInRows};
use crate::aws::secrets::WEBHOOK_SECRET;

/// The part of the registered addresses.
const PART: &str = "webhook";
/// A provider does not wait longer for an answer to a receipt.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The addresses, by channel. A channel without one has the address under the secret of every channel
/// of the catalog file.
pub struct Webhooks {
    client: Client,
    api_url: String,
    registered: Mutex<BTreeMap<String, String>>,
    rows: StandInRows,
}

impl Webhooks {
    /// # Errors
    /// [`WebhookError`].
    pub fn new(api_url: &str, rows: StandInRows) -> Result<Arc<Self>, WebhookError> {
        // Installs the TLS provider that all HTTP clients of this process use.
        let _installed = alimi::providers::ReqwestHttp::new();
        let client = Client::builder().timeout(TIMEOUT).build()?;
        let registered = Mutex::new(rows.all(PART)?.into_iter().collect());
        Ok(Arc::new(Self { client, api_url: api_url.to_owned(), registered, rows }))
    }

    /// Posts a receipt to a channel's webhook. Returns the status of the answer; 0 when none came.
    pub fn post(&self, channel: &str, receipt: &Value) -> BoxFuture<'static, u16> {
        let call = self
            .client
            .post(self.address(channel))
            .header("content-type", "application/json")
            .body(receipt.to_string())
            .send();
        async move { call.await.map_or(0, |answer| answer.status().as_u16()) }.boxed()
    }

    fn address(&self, channel: &str) -> String {
        let registered = self.registered().get(channel).cloned();
        registered
            .unwrap_or_else(|| format!("{}/webhooks/{channel}/{WEBHOOK_SECRET}", self.api_url))
    }

    fn registered(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers the address of a channel.
    fn register(&self, channel: String, address: String) -> Result<(), EmbeddedError> {
        self.rows.put(PART, &channel, &address)?;
        self.registered().insert(channel, address);
        Ok(())
    }

    /// The route at which a channel's address is registered.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().route("/_sim/webhooks/{channel}", put(register)).with_state(self)
    }
}

/// Why the addresses cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error(transparent)]
    Rows(#[from] EmbeddedError),
    #[error("the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

async fn register(
    State(webhooks): State<Arc<Webhooks>>,
    Path(channel): Path<String>,
    body: String,
) -> (StatusCode, String) {
    let address = body.trim().to_owned();
    let is_url = address.parse::<Uri>().is_ok_and(|uri| uri.scheme().is_some());
    if !is_url {
        let must = "the body must be the address of the webhook, such as \
                    http://127.0.0.1:9700/webhooks/alimtalk-main/a-secret\n";
        return (StatusCode::UNPROCESSABLE_ENTITY, must.to_owned());
    }
    match webhooks.register(channel.clone(), address) {
        Ok(()) => (StatusCode::OK, format!("receipts of {channel} go to this address\n")),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;
    use crate::aws::embedded;

    async fn put_address(webhooks: &Arc<Webhooks>, body: &str) -> StatusCode {
        let request = Request::put("/_sim/webhooks/sms-2").body(Body::from(body.to_owned()));
        let request = request.expect("a request");
        webhooks.clone().router().oneshot(request).await.expect("an answer").status()
    }

    #[tokio::test]
    async fn a_registered_address_outlasts_a_restart() {
        let rows = StandInRows::of(&embedded::database().expect("a database"));
        let webhooks = Webhooks::new("http://api", rows.clone()).expect("webhooks");
        assert_eq!(webhooks.address("sms-2"), "http://api/webhooks/sms-2/local-webhook-secret");
        let address = "http://127.0.0.1:9700/webhooks/sms-2/own";
        assert_eq!(put_address(&webhooks, address).await, StatusCode::OK);
        assert_eq!(put_address(&webhooks, "sms-2/own").await, StatusCode::UNPROCESSABLE_ENTITY);
        let restarted = Webhooks::new("http://api", rows).expect("webhooks");
        assert_eq!(restarted.address("sms-2"), address);
        assert_eq!(restarted.address("a"), "http://api/webhooks/a/local-webhook-secret");
    }
}
