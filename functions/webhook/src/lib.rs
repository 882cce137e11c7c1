//! Takes delivery receipts from providers over HTTP.

use std::sync::Arc;

use alimi::domain::{Channel, ReceiptSecret};
use alimi::http::Problem;
use alimi::ports::{Adapters, Catalog, PortError};
use alimi::use_cases::Webhook;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::post;

/// The largest body that is read. A receipt has a few hundred bytes, and some providers send
/// several at once.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone)]
pub struct WebhookFunction {
    /// The channels, with the hashes of their webhooks' secrets.
    pub catalog: Arc<dyn Catalog>,
    pub adapters: Arc<dyn Adapters>,
    pub webhook: Webhook,
}

pub fn router(function: WebhookFunction) -> Router {
    Router::new()
        .route("/webhooks/{channel}/{secret}", post(record_receipts))
        .method_not_allowed_fallback(|| async { nothing_here() })
        .fallback(|| async { nothing_here() })
        .with_state(function)
}

async fn record_receipts(
    State(function): State<WebhookFunction>,
    address: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let authenticated = match address {
        Ok(Path((channel, secret))) => function.authenticated(&channel, &secret).await?,
        Err(_) => None,
    };
    let Some(channel) = authenticated else {
        tracing::warn!(
            metric = "webhook_refused",
            count = 1,
            "a webhook call was refused: compare the address that is registered at the provider"
        );
        return Err(nothing_here());
    };
    let adapter = function.adapters.usable_adapter(&channel)?;
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| Problem::too_large(BODY_BYTES_MAX))?;
    // A provider may sign its request, so the adapter reads the headers too.
    let request = http::Request::from_parts(head, body);
    let receipts = adapter.read_receipts(&request).map_err(|malformed| {
        tracing::warn!(
            channel = %channel.name,
            field = %malformed.field,
            "receipts cannot be read: compare the field with the provider's document; their \
             messages wait for their deadlines"
        );
        Problem::malformed(malformed)
    })?;
    // The receipts are stored before the answer: without it, the provider may send them again.
    function.webhook.record_all(&channel.name, receipts).await?;
    Ok(adapter.receipt_reply().map(Body::from))
}

impl WebhookFunction {
    /// The channel, if it exists and the secret is one of its receipt secrets.
    async fn authenticated(
        &self,
        channel: &str,
        secret: &str,
    ) -> Result<Option<Channel>, PortError> {
        let Some(channel) = self.catalog.channel(channel).await? else { return Ok(None) };
        let is_known = ReceiptSecret::any_matches(&channel.receipt_secrets, secret);
        Ok(is_known.then_some(channel))
    }
}

/// One answer for a wrong address, a wrong channel and a wrong secret: a caller who guesses learns
/// nothing.
fn nothing_here() -> Problem {
    Problem::not_found("path", "there is nothing here")
}
