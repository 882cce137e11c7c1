//! Requests that create something: their producer, their idempotency key and their body.

use std::sync::Arc;

use alimi::domain::{FieldError, Producer, Scope};
use alimi::http::{Body, Problem, canonical_digest};
use alimi::use_cases::ProducerRequest;
use axum::extract::Request;
use axum::http::HeaderMap;

use crate::function::EnqueueFunction;

/// The largest body: 500 notifications of 4 KiB each. Lambda itself takes 6 MB.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

pub(crate) struct Creation {
    pub(crate) producer: Arc<Producer>,
    idempotency_key: String,
    /// Distinguishes a repeated request from another one with the same key.
    digest: String,
    pub(crate) body: Body,
}

impl Creation {
    pub(crate) async fn read(
        function: &EnqueueFunction,
        request: Request,
    ) -> Result<Self, Problem> {
        let caller = function.caller(request.extensions(), Scope::Write)?;
        let idempotency_key = idempotency_key(request.headers())?;
        let bytes = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
            .await
            .map_err(|_| Problem::too_large(BODY_BYTES_MAX))?;
        let body = Body::parse(&bytes).map_err(Problem::malformed)?;
        let producer = function.producer_of(&caller).await?;
        Ok(Self { producer, idempotency_key, digest: canonical_digest(&body), body })
    }

    pub(crate) fn request<'a>(&'a self, route: &'a str) -> ProducerRequest<'a> {
        ProducerRequest {
            producer: &self.producer,
            route,
            idempotency_key: &self.idempotency_key,
            digest: &self.digest,
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    const FIELD: &str = "Idempotency-Key";
    const MUST: &str = "must be 1 to 255 visible ASCII characters that identify this request, such \
        as an order number: a repeated request with the same key sends nothing twice";
    let key = headers
        .get(FIELD)
        .and_then(|key| key.to_str().ok())
        .map(str::trim)
        .filter(|key| (1..=255).contains(&key.len()))
        .ok_or_else(|| Problem::malformed(FieldError::new(FIELD, MUST)))?;
    Ok(key.to_owned())
}
