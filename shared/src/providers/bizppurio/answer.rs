//! What Bizppurio's responses, and their absence, mean.

use bytes::Bytes;
use http::Response;
use serde::{Deserialize, Deserializer};

use super::codes::{ApiCode, api_code};
use super::pause::pause;
use crate::domain::Outcome;
use crate::ports::{Asked, LaneAdvice, NoResponse, NotPrepared};
use crate::providers::io::NO_SOCKET_PAUSE;

/// The body of any response: to a token request, to a message, or an error.
#[derive(Default, Deserialize)]
pub(super) struct Answer {
    #[serde(default, deserialize_with = "text_or_number")]
    pub code: Option<u32>,
    #[serde(default)]
    pub messagekey: Option<String>,
    #[serde(default)]
    pub accesstoken: Option<String>,
    /// `yyyyMMddHHmmss`. The document does not state the zone; see `token_end_ms`.
    #[serde(default)]
    pub expired: Option<String>,
}

impl Answer {
    /// Reads a response's body. An unreadable body gives an answer without a code.
    pub(super) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

/// One route sends `code` as a number, another as a string.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Number(u32),
        Text(String),
    }
    Ok(match Option::<Code>::deserialize(deserializer)? {
        Some(Code::Number(code)) => Some(code),
        Some(Code::Text(text)) => text.trim().parse().ok(),
        None => None,
    })
}

/// The meaning of the response to a message for the message and for the lane.
pub(super) struct Meaning {
    pub outcome: Outcome,
    pub code: Option<u32>,
    pub provider_message_id: Option<String>,
    pub advice: LaneAdvice,
    pub token: TokenVerdict,
}

/// What a response says about the access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenVerdict {
    /// Bizppurio looked at the message, so it took the token.
    Taken,
    /// Bizppurio refused the token.
    Refused,
    /// The response does not tell.
    Unknown,
}

impl TokenVerdict {
    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted | Outcome::Rejected | Outcome::AddressGone | Outcome::TryAgain => {
                Self::Taken
            }
            Outcome::Throttled
            | Outcome::ChannelDown
            | Outcome::Unreachable
            | Outcome::Unsent
            | Outcome::Uncertain => Self::Unknown,
        }
    }
}

impl Meaning {
    fn new(outcome: Outcome, code: Option<u32>, advice: LaneAdvice) -> Self {
        let token = TokenVerdict::of(outcome);
        Self { outcome, code, provider_message_id: None, advice, token }
    }
}

/// What the response to a message, or its absence, means.
pub(super) fn meaning_of(
    received: Result<Response<Bytes>, NoResponse>,
    channel: &str,
    sent_at_ms: i64,
) -> Meaning {
    let response = match received {
        Ok(response) => response,
        Err(NoResponse::NoSocket(detail)) => {
            tracing::warn!(%channel, %detail, "this process has no free socket");
            return Meaning::new(Outcome::Unsent, None, LaneAdvice::HoldFor(NO_SOCKET_PAUSE));
        }
        Err(NoResponse::NotSent(detail)) => {
            tracing::warn!(%channel, %detail, "the provider was not reached");
            return Meaning::new(Outcome::Unreachable, None, LaneAdvice::Continue);
        }
        Err(NoResponse::MaybeSent(detail)) => {
            tracing::warn!(%channel, %detail, "no answer from the provider");
            return Meaning::new(Outcome::Uncertain, None, LaneAdvice::Continue);
        }
    };
    let answer = Answer::read(response.body());
    let status = response.status().as_u16();
    let code = answer.code.or(Some(u32::from(status)));
    match api_code(answer.code, status) {
        ApiCode::Message(Outcome::Accepted) => Meaning {
            provider_message_id: answer.messagekey,
            ..Meaning::new(Outcome::Accepted, code, LaneAdvice::Continue)
        },
        ApiCode::Message(Outcome::Throttled) => {
            let advice = LaneAdvice::SlowDown(pause(&response, sent_at_ms));
            Meaning::new(Outcome::Throttled, code, advice)
        }
        ApiCode::Message(Outcome::ChannelDown) => {
            tracing::error!(
                %channel,
                code,
                "the account cannot send: see the provider's code; messages wait"
            );
            Meaning::new(Outcome::ChannelDown, code, LaneAdvice::OpenCircuit)
        }
        ApiCode::Message(
            outcome @ (Outcome::Rejected
            | Outcome::AddressGone
            | Outcome::TryAgain
            | Outcome::Unreachable
            | Outcome::Unsent
            | Outcome::Uncertain),
        ) => Meaning::new(outcome, code, LaneAdvice::Continue),
        ApiCode::TokenRefused => {
            let meaning = Meaning::new(Outcome::ChannelDown, code, LaneAdvice::Continue);
            Meaning { token: TokenVerdict::Refused, ..meaning }
        }
    }
}

/// What the absence of a response to a token request means. No message is in doubt, whatever became
/// of the request.
pub(super) fn no_response_to_token(error: &NoResponse) -> NotPrepared {
    let (outcome, advice) = match error {
        NoResponse::NotSent(_) | NoResponse::MaybeSent(_) => {
            (Some(Outcome::Unreachable), LaneAdvice::OpenCircuit)
        }
        NoResponse::NoSocket(_) => (None, LaneAdvice::HoldFor(NO_SOCKET_PAUSE)),
    };
    NotPrepared { advice, outcome, detail: error.to_string() }
}

/// What a response to a token request means that holds no token. `code` is the one in its body.
pub(super) fn no_token(
    code: Option<u32>,
    response: &Response<Bytes>,
    received_at_ms: i64,
) -> NotPrepared {
    let status = response.status().as_u16();
    let (outcome, advice) = match api_code(code, status) {
        ApiCode::Message(Outcome::Throttled) => {
            let pause = pause(response, received_at_ms);
            (Outcome::Throttled, LaneAdvice::SlowDown(pause))
        }
        // Such a code does not speak of the account.
        ApiCode::Message(
            Outcome::Uncertain | Outcome::Unreachable | Outcome::TryAgain | Outcome::Unsent,
        ) => (Outcome::Unreachable, LaneAdvice::OpenCircuit),
        ApiCode::Message(
            Outcome::Accepted | Outcome::Rejected | Outcome::AddressGone | Outcome::ChannelDown,
        )
        | ApiCode::TokenRefused => (Outcome::ChannelDown, LaneAdvice::OpenCircuit),
    };
    let code = code.unwrap_or_else(|| u32::from(status));
    NotPrepared {
        advice,
        outcome: Some(outcome),
        detail: format!(
            "no token: code {code}; check the account, its password and its allowed addresses"
        ),
    }
}

/// What the response to a request for a receipt means.
pub(super) fn asked(answer: &Answer) -> Asked {
    match answer.code {
        Some(1000) => Asked::ReceiptComes,
        Some(code @ 3012) => Asked::NotKnown { code: code.to_string() },
        // 3013, the result is not final, among others: the same question may be answered later.
        Some(_) | None => Asked::NoAnswer,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn response(status: u16, body: &'static str) -> Response<Bytes> {
        let response = Response::builder().status(status);
        response.body(Bytes::from_static(body.as_bytes())).expect("a response")
    }

    fn meaning(status: u16, body: &'static str) -> Meaning {
        meaning_of(Ok(response(status, body)), "main", 0)
    }

    #[test]
    fn a_code_is_read_from_a_number_and_from_a_string() {
        assert_eq!(Answer::read(br#"{"code":1000}"#).code, Some(1000));
        assert_eq!(Answer::read(br#"{"code":"3007","description":"x"}"#).code, Some(3007));
    }

    #[test]
    fn a_body_that_is_not_bizppurios_json_has_no_code() {
        for body in [&b""[..], b"<html>", b"[]", b"{\"code\":\"x\"}", b"{\"code\":null}"] {
            assert_eq!(Answer::read(body).code, None);
        }
    }

    #[test]
    fn an_accepted_message_has_the_providers_key() {
        let meaning = meaning(200, r#"{"code":1000,"messagekey":"k"}"#);
        assert_eq!(meaning.outcome, Outcome::Accepted);
        assert_eq!(meaning.code, Some(1000));
        assert_eq!(meaning.provider_message_id.as_deref(), Some("k"));
        assert_eq!(meaning.advice, LaneAdvice::Continue);
    }

    #[test]
    fn a_refused_message_stops_no_other() {
        let meaning = meaning(400, r#"{"code":2000}"#);
        assert_eq!(meaning.outcome, Outcome::Rejected);
        assert_eq!(meaning.code, Some(2000));
        assert_eq!(meaning.advice, LaneAdvice::Continue);
    }

    #[test]
    fn an_account_that_cannot_send_opens_the_circuit() {
        let meaning = meaning(400, r#"{"code":3009}"#);
        assert_eq!(meaning.outcome, Outcome::ChannelDown);
        assert_eq!(meaning.advice, LaneAdvice::OpenCircuit);
        assert_eq!(meaning.token, TokenVerdict::Unknown);
    }

    #[test]
    fn a_429_slows_the_lane_down() {
        let meaning = meaning(429, r#"{"code":5002}"#);
        assert_eq!(meaning.outcome, Outcome::Throttled);
        assert_eq!(meaning.advice, LaneAdvice::SlowDown(Duration::from_secs(1)));
    }

    #[test]
    fn a_refused_token_says_nothing_about_the_message() {
        for code in [3002, 3005] {
            let body = format!("{{\"code\":{code}}}");
            let response = Response::builder().status(400).body(Bytes::from(body));
            let meaning = meaning_of(Ok(response.expect("a response")), "main", 0);
            assert_eq!(meaning.token, TokenVerdict::Refused);
            assert_eq!(meaning.outcome, Outcome::ChannelDown);
            assert_eq!(meaning.advice, LaneAdvice::Continue);
        }
    }

    #[test]
    fn a_message_that_was_looked_at_shows_that_the_token_is_valid() {
        for body in [r#"{"code":1000,"messagekey":"k"}"#, r#"{"code":2000}"#] {
            assert_eq!(meaning(400, body).token, TokenVerdict::Taken, "{body}");
        }
        for (status, body) in [(429, r#"{"code":5002}"#), (500, r#"{"code":9000}"#), (502, "")] {
            assert_eq!(meaning(status, body).token, TokenVerdict::Unknown, "{status}");
        }
    }

    #[test]
    fn without_a_response_only_the_connection_tells_whether_the_message_may_have_left() {
        let absent = |error| meaning_of(Err(error), "main", 0).outcome;
        assert_eq!(absent(NoResponse::NotSent(String::new())), Outcome::Unreachable);
        assert_eq!(absent(NoResponse::MaybeSent(String::new())), Outcome::Uncertain);
    }

    #[test]
    fn a_process_without_a_free_socket_sends_nothing_for_a_second() {
        let no_socket = NoResponse::NoSocket("Too many open files".into());
        let not_prepared = no_response_to_token(&no_socket);
        assert_eq!(not_prepared.outcome, None, "the provider is not the cause");
        let meaning = meaning_of(Err(no_socket), "main", 0);
        assert_eq!((meaning.outcome, meaning.token), (Outcome::Unsent, TokenVerdict::Unknown));
        for advice in [not_prepared.advice, meaning.advice] {
            assert_eq!(advice, LaneAdvice::HoldFor(Duration::from_secs(1)));
        }
    }

    #[test]
    fn a_response_without_a_token_opens_the_circuit_and_says_why() {
        let refused = |status, body| {
            let response = response(status, body);
            let NotPrepared { advice, outcome, detail } =
                no_token(Answer::read(response.body()).code, &response, 0);
            (outcome, advice, detail)
        };
        let (outcome, advice, detail) = refused(400, r#"{"code":"3007"}"#);
        assert_eq!(outcome, Some(Outcome::ChannelDown));
        assert_eq!(advice, LaneAdvice::OpenCircuit);
        assert!(detail.contains("code 3007"), "{detail}");
        let (outcome, advice, _) = refused(429, r#"{"code":"5002"}"#);
        assert_eq!(outcome, Some(Outcome::Throttled));
        assert_eq!(advice, LaneAdvice::SlowDown(Duration::from_secs(1)));
        let (outcome, advice, detail) = refused(503, "<html>");
        assert_eq!(outcome, Some(Outcome::Unreachable));
        assert_eq!(advice, LaneAdvice::OpenCircuit);
        assert!(detail.contains("code 503"), "{detail}");
        let silent = no_response_to_token(&NoResponse::MaybeSent("timed out".into()));
        assert_eq!(silent.outcome, Some(Outcome::Unreachable));
        assert_eq!(silent.advice, LaneAdvice::OpenCircuit);
    }

    #[test]
    fn the_answer_to_a_question_about_a_message_is_read_from_its_code() {
        let asked = |body: &str| asked(&Answer::read(body.as_bytes()));
        assert_eq!(asked(r#"{"code":1000}"#), Asked::ReceiptComes);
        assert_eq!(asked(r#"{"code":"3012"}"#), Asked::NotKnown { code: "3012".into() });
        for body in [r#"{"code":3013}"#, r#"{"code":9000}"#, "", "<html>"] {
            assert_eq!(asked(body), Asked::NoAnswer, "{body}");
        }
    }
}
