//! Access tokens.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::answers::{fail, refused};
use super::codes::{BAD_CREDENTIALS, CODES};
use crate::simulator::core::{FromChannel, Kind, Simulator};

const TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn token(
    State(simulator): State<Arc<Simulator>>,
    from: FromChannel,
    headers: HeaderMap,
) -> Response {
    let arrival = match simulator.admit(&from, Kind::Token, None, CODES) {
        Ok(arrival) => arrival,
        Err(fault) => return refused(&fault),
    };
    if let Some(outage) = simulator.outage(Kind::Token) {
        return fail(&simulator, arrival, outage).await;
    }
    simulator.wait_briefly().await;
    let authorized = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| String::from_utf8(STANDARD.decode(encoded).ok()?).ok())
        .is_some_and(|pair| {
            pair.split_once(':').is_some_and(|(_, given)| given == simulator.settings.password)
        });
    if !authorized {
        simulator.record_refusal(arrival, BAD_CREDENTIALS);
        // Unlike a message's error, a token's error has its code as text.
        let body = json!({ "code": BAD_CREDENTIALS.to_string(), "description": "bad credentials" });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let (token, end_us) = simulator.issue_token(TOKEN_LIFE);
    let end = jiff::Timestamp::from_microsecond(end_us)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9)));
    let expired = end.strftime("%Y%m%d%H%M%S").to_string();
    Json(json!({ "accesstoken": token, "type": "Bearer", "expired": expired })).into_response()
}
