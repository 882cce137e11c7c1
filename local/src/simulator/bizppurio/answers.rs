//! The answers that several routes give.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::codes::{BAD_TOKEN, SUSPENDED, UNKNOWN_ERROR};
use crate::simulator::core::{Fault, NEVER, Outage, Simulator};

/// The answer to a request that is refused with a fault.
pub(super) fn refused(fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({ "code": fault.code, "description": "refused" });
    let mut response = (status, Json(body)).into_response();
    if let Some(reset_s) = fault.reset_s {
        // The provider's help page says that the header counts milliseconds.
        response.headers_mut().insert("ratelimit-reset", (1000 * reset_s).into());
    }
    response
}

/// Most refusals have the status 400.
pub(super) fn with_code(code: u32) -> Fault {
    Fault { status: 400, code, reset_s: None }
}

/// Refuses an admitted request, with the time that an answer takes.
pub(super) async fn refuse(simulator: &Simulator, arrival: usize, fault: &Fault) -> Response {
    simulator.record_refusal(arrival, fault.code);
    simulator.wait().await;
    refused(fault)
}

/// The answer to an admitted request during an outage, if one ever comes.
pub(super) async fn fail(simulator: &Simulator, arrival: usize, outage: Outage) -> Response {
    match outage {
        Outage::Hangs => {
            simulator.record_refusal(arrival, UNKNOWN_ERROR);
            tokio::time::sleep(NEVER).await;
            refused(&with_code(UNKNOWN_ERROR))
        }
        Outage::RefusesAccount => refuse(simulator, arrival, &with_code(SUSPENDED)).await,
    }
}

/// The fault of a request that has no valid access token.
pub(super) fn token_fault(simulator: &Simulator, headers: &HeaderMap) -> Option<Fault> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let is_known = token.is_some_and(|token| simulator.knows_token(token));
    (!is_known).then(|| with_code(BAD_TOKEN))
}
