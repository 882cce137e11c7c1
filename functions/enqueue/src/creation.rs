//! Requests that create something: their producer, their idempotency key and their body.

use std::sync::Arc;

use alimi::domain::{Producer, Scope};
use alimi::http::{Body, Parameters, Problem, canonical_digest, idempotency_key, read_json};
use alimi::use_cases::ProducerRequest;
use axum::extract::Request;

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
        Parameters::of(&request, &[])?;
        let idempotency_key = idempotency_key(request.headers())?;
        let body = read_json(request, BODY_BYTES_MAX).await?;
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
