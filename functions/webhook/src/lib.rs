//! Takes delivery receipts from providers over HTTP, and those that waited in the receipt queue.

mod queue;

use std::time::Duration;

use alimi::domain::SecretDigest;
use alimi::http::{IdentifySource, Problem, Refusals, read_bytes, with_request_ids};
use alimi::ports::{ReceiptRequest, WebhookCaller};
use alimi::use_cases::{NotTaken, Webhook};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::post;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, LambdaEvent, Service as _};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

pub use self::queue::record_batch;

/// The largest body that is read. A receipt has a few hundred bytes, and some providers send
/// several at once.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone)]
pub struct WebhookFunction {
    pub webhook: Webhook,
    /// How to find the address that a request comes from.
    pub source: IdentifySource,
}

/// Why an invocation failed. It never quotes the event, whose path holds a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("the event is neither a request of API Gateway nor a batch of the receipt queue")]
    Unreadable,
    #[error("the answer cannot be written as JSON")]
    Unwritable,
}

/// Tells apart the events that invoke the function.
#[derive(Deserialize)]
struct Shape {
    /// Only a queue's event has records.
    #[serde(rename = "Records")]
    records: Option<IgnoredAny>,
}

/// Handles an event of API Gateway or of the receipt queue, in the time that Lambda leaves.
pub async fn handle(
    function: &WebhookFunction,
    event: LambdaEvent<Box<RawValue>>,
    time_left: Duration,
) -> Result<Value, WebhookError> {
    let LambdaEvent { payload, context } = event;
    let payload = payload.get();
    let unreadable = |_: serde_json::Error| WebhookError::Unreadable;
    let Shape { records } = serde_json::from_str(payload).map_err(unreadable)?;
    let answer = if records.is_some() {
        let batch = serde_json::from_str(payload).map_err(unreadable)?;
        serde_json::to_value(record_batch(&function.webhook, batch, time_left).await)
    } else {
        let request: LambdaRequest = serde_json::from_str(payload).map_err(unreadable)?;
        let event = LambdaEvent::new(request, context);
        let answered = Adapter::from(router(function.clone())).call(event);
        let Ok(response) = answered.await;
        serde_json::to_value(response)
    };
    answer.map_err(|_| WebhookError::Unwritable)
}

pub fn router(function: WebhookFunction) -> Router {
    let routes = Router::new()
        .route("/webhooks/{channel}/{secret}", post(take_receipts))
        .method_not_allowed_fallback(|| async { nothing_here() })
        .fallback(|| async { nothing_here() })
        .with_state(function);
    // The use case logs refusals, once a minute.
    with_request_ids(routes, Refusals::NotLogged)
}

async fn take_receipts(
    State(function): State<WebhookFunction>,
    address: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let webhook = &function.webhook;
    let Ok(Path((channel, secret))) = address else {
        webhook.refuse();
        return Err(nothing_here());
    };
    let caller = WebhookCaller {
        channel,
        secret_sha256: SecretDigest::of(&secret),
        source: (function.source)(request.extensions()),
    };
    let Some(admitted) = webhook.admit(caller).await else { return Err(nothing_here()) };
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let body = read_bytes(request, BODY_BYTES_MAX).await;
    let body = body.ok_or_else(|| Problem::too_large(BODY_BYTES_MAX))?;
    let request = ReceiptRequest::new(&method, &headers, body);
    match webhook.take(admitted, request).await {
        Ok(reply) => Ok(reply.map(Body::from)),
        Err(NotTaken::Malformed(malformed)) => Err(Problem::malformed(malformed)),
        Err(NotTaken::Port(error)) => Err(Problem::unavailable(&error)),
    }
}

/// One answer for a wrong address, a wrong channel and a wrong secret: a caller who guesses learns
/// nothing.
fn nothing_here() -> Problem {
    Problem::not_found("path", "there is nothing here")
}
