//! The provider's HTTP interface.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::Reference;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::provider::{Fault, Simulator};
use super::record::{
    Arrival, BAD_CREDENTIALS, BAD_TOKEN, INVALID, Kind, SUCCESS, TOO_MANY, busiest_second,
};
use super::scenario::Scenario;

/// Longer than any request's time-out.
const NEVER: Duration = Duration::from_secs(3600);

pub fn router(simulator: Arc<Simulator>) -> Router {
    Router::new()
        .route("/v1/token", post(token))
        .route("/v3/message", post(message))
        .route("/_sim/arrivals", get(arrivals))
        .with_state(simulator)
}

/// Shows every arrival, for people who try Alimi.
async fn arrivals(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    let arrivals = simulator.arrivals();
    let shown: Vec<_> = arrivals
        .iter()
        .map(|arrival| {
            json!({
                "at_us": arrival.at_us,
                "kind": arrival.kind,
                "code": arrival.code,
                "refkey": arrival.reference.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    Json(json!({
        "limit_per_second": simulator.settings.per_second,
        "busiest_second": busiest_second(&arrivals),
        "arrivals": shown,
    }))
}

async fn token(State(simulator): State<Arc<Simulator>>, headers: HeaderMap) -> Response {
    if let Err(refused) = simulator.admit(Kind::Token, None) {
        return refused;
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
        // Unlike a message's error, a token's error has its code as text.
        let body = json!({ "code": BAD_CREDENTIALS.to_string(), "description": "bad credentials" });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let token = format!("token-{}", simulator.next_key());
    simulator.state().tokens.push(token.clone());
    let end = jiff::Timestamp::from_microsecond(simulator.clock.now_us())
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9)))
        .saturating_add(jiff::SignedDuration::from_hours(24));
    let expired = end.strftime("%Y%m%d%H%M%S").to_string();
    Json(json!({ "accesstoken": token, "type": "Bearer", "expired": expired })).into_response()
}

async fn message(State(simulator): State<Arc<Simulator>>, request: Request) -> Response {
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .map(str::to_owned);
    let body = axum::body::to_bytes(request.into_body(), 64 * 1024).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let reference: Option<Reference> = body["refkey"].as_str().and_then(|key| key.parse().ok());

    let arrival = match simulator.admit(Kind::Message, reference) {
        Ok(arrival) => arrival,
        Err(refused) => return refused,
    };
    let known = {
        let state = simulator.state();
        authorization.is_some_and(|token| state.tokens.contains(&token))
    };
    if !known {
        return simulator.refuse(arrival, BAD_TOKEN).await;
    }
    let to = body["to"].as_str().unwrap_or_default();
    let complete = ["account", "type", "from", "to", "refkey"]
        .iter()
        .all(|field| body[*field].as_str().is_some_and(|text| !text.is_empty()))
        && ["senderkey", "templatecode", "message"]
            .iter()
            .all(|field| body["content"]["at"][*field].as_str().is_some_and(|t| !t.is_empty()));
    let scenario = Scenario::of(to);
    if !complete || scenario == Scenario::Rejected {
        return simulator.refuse(arrival, INVALID).await;
    }

    let key = simulator.next_key();
    let refkey = body["refkey"].as_str().unwrap_or_default();
    let receipt = |media: &str, result: &str| {
        json!({
            "DEVICE": "AT", "CMSGID": key, "MSGID": key, "PHONE": to, "MEDIA": media,
            "UNIXTIME": (simulator.clock.now_us() / 1_000_000).to_string(),
            "RESULT": result, "REFKEY": refkey,
        })
    };
    simulator.send_receipts(scenario, body.get("resend").is_some(), receipt);
    match scenario {
        Scenario::AnswerLost => tokio::time::sleep(NEVER).await,
        // Long enough for the webhook to accept the receipt first.
        Scenario::EarlyReceipt => {
            simulator.wait().await;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Scenario::Delivered
        | Scenario::Rejected
        | Scenario::Undelivered
        | Scenario::LateReceipt
        | Scenario::DuplicateReceipt
        | Scenario::Fallback
        | Scenario::NoReceipt
        | Scenario::UncertainReceipt => simulator.wait().await,
    }
    let answer = json!({
        "code": SUCCESS, "description": "Success", "refkey": refkey, "messagekey": key,
    });
    Json(answer).into_response()
}

impl Simulator {
    /// Records an arrival and returns its index. Refuses the request when it exceeds the limit, or
    /// when a fault is set.
    #[expect(clippy::result_large_err, reason = "the error is the HTTP answer")]
    fn admit(&self, kind: Kind, reference: Option<Reference>) -> Result<usize, Response> {
        let at_us = self.clock.now_us();
        let mut state = self.state();
        let recent = state
            .arrivals
            .iter()
            .rev()
            .take_while(|arrival| arrival.at_us + 1_000_000 > at_us)
            .count();
        let limit = usize::try_from(self.settings.per_second).unwrap_or(usize::MAX);
        let fault = if state.faults.is_empty() {
            (recent >= limit).then_some(Fault { status: 429, code: TOO_MANY, reset_s: Some(1) })
        } else {
            Some(state.faults.remove(0))
        };
        let code = fault.as_ref().map_or(SUCCESS, |fault| fault.code);
        let index = state.arrivals.len();
        state.arrivals.push(Arrival { at_us, kind, code, reference });
        drop(state);
        let Some(fault) = fault else { return Ok(index) };
        let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = json!({ "code": fault.code, "description": "refused" });
        let mut response = (status, Json(body)).into_response();
        if let Some(reset_s) = fault.reset_s {
            response.headers_mut().insert("ratelimit-reset", reset_s.into());
        }
        Err(response)
    }

    /// Refuses a message that is recorded already.
    async fn refuse(&self, arrival: usize, code: u32) -> Response {
        self.state().arrivals[arrival].code = code;
        self.wait().await;
        let body = json!({ "code": code, "description": "refused" });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }

    async fn wait(&self) {
        tokio::time::sleep(self.answer_time()).await;
    }

    /// For requests that send nothing: a real provider answers them soon even when sending is slow.
    async fn wait_briefly(&self) {
        tokio::time::sleep(self.answer_time().min(Duration::from_secs(1))).await;
    }

    /// Sends the receipts of a scenario.
    fn send_receipts(
        self: &Arc<Self>,
        scenario: Scenario,
        has_fallback: bool,
        receipt: impl Fn(&str, &str) -> Value,
    ) {
        let mean = self.settings.receipt_after;
        let after = self.around(mean, mean / 2);
        match scenario {
            Scenario::Delivered => self.send_receipt(after, receipt("KAT", "7000")),
            Scenario::Rejected | Scenario::NoReceipt => {}
            Scenario::Undelivered => {
                self.send_receipt(after, receipt("KAT", "7308"));
                if has_fallback {
                    self.send_receipt(after + mean, receipt("SMS", "4410"));
                }
            }
            Scenario::DuplicateReceipt => {
                self.send_receipt(after, receipt("KAT", "7000"));
                self.send_receipt(after, receipt("KAT", "7000"));
            }
            Scenario::EarlyReceipt => self.send_receipt(Duration::ZERO, receipt("KAT", "7000")),
            Scenario::Fallback => {
                self.send_receipt(after, receipt("KAT", "7308"));
                if has_fallback {
                    self.send_receipt(after + mean, receipt("SMS", "4100"));
                }
            }
            Scenario::LateReceipt | Scenario::AnswerLost => {
                self.send_receipt(after + 4 * mean, receipt("KAT", "7000"));
            }
            Scenario::UncertainReceipt => self.send_receipt(after, receipt("KAT", "7305")),
        }
    }
}
