//! Takes providers' receipts in over HTTP.

use std::sync::Arc;

use alimi::delivery::{FieldError, Receive};
use alimi::domain::Channel;
use alimi::http::Problem;
use alimi::ports::{Catalog, PortError, Secrets};
use alimi::providers::{channel_secret, parse_push};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The largest push that is read. Providers' pushes have a few hundred bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the route works with.
#[derive(Clone)]
pub struct Webhook {
    /// Channels.
    pub catalog: Arc<dyn Catalog>,
    /// Their webhooks' secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Records receipts.
    pub receive: Receive,
}

/// The route.
pub fn router(webhook: Webhook) -> Router {
    Router::new()
        .route("/webhooks/{channel}/{secret}", post(receive))
        .method_not_allowed_fallback(|| async { nothing_here() })
        .fallback(|| async { nothing_here() })
        .with_state(webhook)
}

async fn receive(
    State(webhook): State<Webhook>,
    address: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let authenticated = match address {
        Ok(Path((channel, secret))) => webhook.authenticated(&channel, &secret).await?,
        Err(_) => None,
    };
    let Some(channel) = authenticated else {
        // A count is all that is kept: whoever guesses learns nothing and fills nothing.
        tracing::warn!(metric = "webhook_refused", count = 1, "a webhook call was refused");
        return Err(nothing_here());
    };
    let body = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
        .await
        .map_err(|_| Problem::too_large(BODY_BYTES_MAX))?;
    let incoming = parse_push(&channel, &body).map_err(|malformed| {
        tracing::warn!(channel = %channel.name, field = %malformed.field, "a malformed push");
        Problem::malformed(FieldError::new(malformed.field, malformed.fault))
    })?;
    // Stored before it is answered: a provider that gets no 200 may come again.
    webhook.receive.record(&channel.name, incoming).await?;
    Ok(Json(serde_json::json!({ "result": "ok" })).into_response())
}

impl Webhook {
    /// The channel, when there is one of this name and the secret is one of its own.
    async fn authenticated(
        &self,
        channel: &str,
        secret: &str,
    ) -> Result<Option<Channel>, PortError> {
        let Some(channel) = self.catalog.channel(channel).await? else { return Ok(None) };
        let own = channel_secret(&*self.secrets, &channel).await?;
        let given = Sha256::digest(secret.as_bytes());
        // Digests have one length, and all are compared: the time taken tells nothing.
        let matches = own.webhook_secrets.iter().fold(subtle::Choice::from(0), |any, known| {
            any | Sha256::digest(known.expose_secret().as_bytes()).ct_eq(&given)
        });
        Ok(bool::from(matches).then_some(channel))
    }
}

fn nothing_here() -> Problem {
    Problem::not_found("path", "there is nothing here")
}
