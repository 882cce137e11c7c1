//! Messages.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::Reference;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use super::answers::{fail, refuse, refused, token_fault, with_code};
use super::codes::{BAD_TOKEN, CODES, INVALID, SUCCESS, SUSPENDED, TOO_MANY, UNKNOWN_ERROR};
use super::wire::{SentMessage, receipt};
use crate::simulator::core::{
    Answer, Behaviour, Fault, FromChannel, Kind, NEVER, Receipts, Simulator, connection_reset,
};

/// The largest body that is read.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How much longer an answer takes that comes after the receipt: long enough for the webhook to
/// accept the receipt first.
const AFTER_EARLY_RECEIPT: Duration = Duration::from_millis(250);

pub(super) async fn message(
    State(simulator): State<Arc<Simulator>>,
    from: FromChannel,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let reference: Option<Reference> = body["refkey"].as_str().and_then(|key| key.parse().ok());

    let arrival = match simulator.admit(&from, Kind::Message, reference, CODES) {
        Ok(arrival) => arrival,
        Err(fault) => return refused(&fault),
    };
    if let Some(outage) = simulator.outage(Kind::Message) {
        return fail(&simulator, arrival, outage).await;
    }
    if let Some(fault) = token_fault(&simulator, &head.headers) {
        return refuse(&simulator, arrival, &fault).await;
    }
    let Some(sent) = SentMessage::read(&body) else {
        return refuse(&simulator, arrival, &with_code(INVALID)).await;
    };
    let Behaviour { answer, receipts } = simulator.behaviour(&sent.number, arrival);
    match taking(answer) {
        Taking::Taken => {}
        Taking::Refused(fault) => return refuse(&simulator, arrival, &fault).await,
        Taking::Reset => {
            simulator.record_refusal(arrival, UNKNOWN_ERROR);
            simulator.wait().await;
            return connection_reset();
        }
    }
    let key = simulator.next_key();
    let body = json!({
        "code": SUCCESS, "description": "Success", "refkey": &sent.refkey, "messagekey": &key,
    });
    simulator.take(&from, &sent.taken(key), receipts, receipt);
    answer_taken(&simulator, answer, receipts, body).await
}

/// The answer to a message that the provider took.
async fn answer_taken(
    simulator: &Simulator,
    answer: Answer,
    receipts: Receipts,
    body: Value,
) -> Response {
    match answer {
        Answer::Hang => tokio::time::sleep(NEVER).await,
        Answer::Slow(longer) => {
            simulator.wait().await;
            tokio::time::sleep(longer).await;
        }
        Answer::Accept
        | Answer::Reject
        | Answer::Throttle { .. }
        | Answer::AccountDown
        | Answer::RefuseToken
        | Answer::AddressGone
        | Answer::ServerError
        | Answer::Malformed
        | Answer::ResetBefore
        | Answer::ResetAfter => simulator.wait().await,
    }
    if receipts == Receipts::Early {
        tokio::time::sleep(AFTER_EARLY_RECEIPT).await;
    }
    match answer {
        Answer::Malformed => Html("<html><body>OK</body></html>").into_response(),
        Answer::ResetAfter => connection_reset(),
        Answer::Accept
        | Answer::Slow(_)
        | Answer::Reject
        | Answer::Throttle { .. }
        | Answer::AccountDown
        | Answer::RefuseToken
        | Answer::AddressGone
        | Answer::ServerError
        | Answer::Hang
        | Answer::ResetBefore => Json(body).into_response(),
    }
}

/// Whether the provider takes a message.
enum Taking {
    Taken,
    Refused(Fault),
    /// The connection is closed first.
    Reset,
}

fn taking(answer: Answer) -> Taking {
    match answer {
        Answer::Accept
        | Answer::Slow(_)
        | Answer::Malformed
        | Answer::Hang
        | Answer::ResetAfter => Taking::Taken,
        // Bizppurio has no answer that says that a number no longer exists.
        Answer::Reject | Answer::AddressGone => Taking::Refused(with_code(INVALID)),
        Answer::Throttle { reset_s } => {
            Taking::Refused(Fault { status: 429, code: TOO_MANY, reset_s })
        }
        Answer::AccountDown => Taking::Refused(with_code(SUSPENDED)),
        Answer::RefuseToken => Taking::Refused(with_code(BAD_TOKEN)),
        Answer::ServerError => {
            Taking::Refused(Fault { status: 500, code: UNKNOWN_ERROR, reset_s: None })
        }
        Answer::ResetBefore => Taking::Reset,
    }
}
