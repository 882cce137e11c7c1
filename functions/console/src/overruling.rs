//! The body of a request that overrules something: the operator's reason.

use alimi::domain::StatedReason;
use alimi::http::{Parameters, Problem, read_json};
use axum::extract::Request;
use serde::Deserialize;

/// The largest body: larger than any reason.
const BODY_BYTES_MAX: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverrulingRequest {
    reason: String,
}

/// Checks that a body has a reason, and nothing else. The audit record keeps the reason.
pub(crate) async fn expect_reason(request: Request) -> Result<(), Problem> {
    Parameters::of(&request, &[])?;
    let body = read_json(request, BODY_BYTES_MAX).await?;
    let OverrulingRequest { reason } = body.deserialize().map_err(Problem::invalid)?;
    StatedReason::new(reason).map(|_| ()).map_err(Problem::invalid)
}
