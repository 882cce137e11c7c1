//! Takes delivery receipts from providers over HTTP.

use std::sync::Arc;

use alimi::domain::Channel;
use alimi::http::Problem;
use alimi::ports::{Catalog, PortError, Secrets};
use alimi::providers::{channel_secret, parse_receipt};
use alimi::use_cases::Webhook;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The largest body that is read. A receipt has a few hundred bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone)]
pub struct WebhookFunction {
    pub catalog: Arc<dyn Catalog>,
    /// The channels' secrets, which hold the secrets of their webhooks.
    pub secrets: Arc<dyn Secrets>,
    pub webhook: Webhook,
}

pub fn router(function: WebhookFunction) -> Router {
    Router::new()
        .route("/webhooks/{channel}/{secret}", post(record_receipt))
        .method_not_allowed_fallback(|| async { nothing_here() })
        .fallback(|| async { nothing_here() })
        .with_state(function)
}

async fn record_receipt(
    State(function): State<WebhookFunction>,
    address: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let authenticated = match address {
        Ok(Path((channel, secret))) => function.authenticated(&channel, &secret).await?,
        Err(_) => None,
    };
    let Some(channel) = authenticated else {
        // Only a count is logged: a caller who guesses secrets must not fill the log.
        tracing::warn!(
            metric = "webhook_refused",
            count = 1,
            "a webhook call was refused: compare the address that is registered at the provider"
        );
        return Err(nothing_here());
    };
    let body = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
        .await
        .map_err(|_| Problem::too_large(BODY_BYTES_MAX))?;
    let incoming = parse_receipt(&channel, &body).map_err(|malformed| {
        tracing::warn!(
            channel = %channel.name,
            field = %malformed.field,
            "a receipt cannot be read: compare the field with the provider's document; its message \
             waits for its deadline"
        );
        Problem::malformed(malformed)
    })?;
    // The receipt is stored before the answer: without a 200, the provider may send it again.
    function.webhook.record(&channel.name, incoming).await?;
    Ok(Json(serde_json::json!({ "result": "ok" })).into_response())
}

impl WebhookFunction {
    /// The channel, if it exists and the secret is one of its webhook secrets.
    async fn authenticated(
        &self,
        channel: &str,
        secret: &str,
    ) -> Result<Option<Channel>, PortError> {
        let Some(channel) = self.catalog.channel(channel).await? else { return Ok(None) };
        let known = channel_secret(&*self.secrets, &channel).await?;
        let given = Sha256::digest(secret.as_bytes());
        // The time that this takes must not reveal a secret. So digests are compared, which all
        // have the same length, and each known secret is compared, also after a match.
        let matches = known.webhook_secrets.iter().fold(Choice::from(0), |any, known| {
            any | Sha256::digest(known.expose_secret().as_bytes()).ct_eq(&given)
        });
        Ok(bool::from(matches).then_some(channel))
    }
}

/// One answer for a wrong address, a wrong channel and a wrong secret: a caller who guesses learns
/// nothing.
fn nothing_here() -> Problem {
    Problem::not_found("path", "there is nothing here")
}
