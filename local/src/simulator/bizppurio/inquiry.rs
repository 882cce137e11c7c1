//! Questions about a message: the provider sends the message's receipt again.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::answers::{refuse, refused, token_fault, with_code};
use super::codes::{CODES, MESSAGE_NOT_FOUND, RESULT_NOT_FINAL, SUCCESS};
use super::wire::receipt;
use crate::simulator::core::{FromChannel, Inquired, Kind, Simulator};

pub(super) async fn report(
    State(simulator): State<Arc<Simulator>>,
    from: FromChannel,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let arrival = match simulator.admit(&from, Kind::Inquiry, None, CODES) {
        Ok(arrival) => arrival,
        Err(fault) => return refused(&fault),
    };
    if let Some(fault) = token_fault(&simulator, &headers) {
        return refuse(&simulator, arrival, &fault).await;
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let key = body["messagekey"].as_str().unwrap_or_default();
    let code = match simulator.inquire(key, receipt) {
        Inquired::NotKnown => MESSAGE_NOT_FOUND,
        Inquired::NotFinal => RESULT_NOT_FINAL,
        Inquired::ReceiptComes => {
            simulator.wait_briefly().await;
            let body = json!({ "code": SUCCESS, "description": "Success" });
            return Json(body).into_response();
        }
    };
    refuse(&simulator, arrival, &with_code(code)).await
}
