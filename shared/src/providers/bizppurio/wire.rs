//! Bizppurio's JSON, by the messaging API v3 document.

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::{Button, Fallback, Message};

/// The body of `POST /v3/message`.
#[derive(Serialize)]
pub(super) struct SendRequest<'a> {
    pub account: &'a str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub from: &'a str,
    pub to: &'a str,
    pub content: Content<'a>,
    pub refkey: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resend: Option<Resend<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recontent: Option<serde_json::Value>,
}

#[derive(Serialize)]
pub(super) struct Content<'a> {
    pub at: Alimtalk<'a>,
}

#[derive(Serialize)]
pub(super) struct Alimtalk<'a> {
    pub senderkey: &'a str,
    pub templatecode: &'a str,
    pub message: &'a str,
    // Alimi's buttons already have Bizppurio's field names.
    #[serde(skip_serializing_if = "<[Button]>::is_empty")]
    pub button: &'a [Button],
}

#[derive(Serialize)]
pub(super) struct Resend<'a> {
    pub first: &'a str,
}

/// The two fields of a fallback: `resend` names its kind, and `recontent` has the text under that
/// name.
pub(super) fn fallback<'a>(
    message: &Message,
    lms_keyword: &'a str,
) -> (Option<Resend<'a>>, Option<serde_json::Value>) {
    let (kind, content) = match &message.fallback {
        None => return (None, None),
        Some(Fallback::Sms { body }) => ("sms", serde_json::json!({ "message": body })),
        Some(Fallback::Lms { subject: Some(subject), body }) => {
            (lms_keyword, serde_json::json!({ "subject": subject, "message": body }))
        }
        Some(Fallback::Lms { subject: None, body }) => {
            (lms_keyword, serde_json::json!({ "message": body }))
        }
    };
    (Some(Resend { first: kind }), Some(serde_json::json!({ kind: content })))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fallback_text: Option<Fallback>, lms_keyword: &str) -> serde_json::Value {
        let message = Message {
            template_code: Some("CONSULT_01".into()),
            body: "안녕하세요".into(),
            buttons: vec![Button {
                name: "안내".into(),
                kind: "WL".into(),
                url_mobile: Some("https://example.com/m".into()),
                url_pc: None,
                scheme_ios: None,
                scheme_android: None,
            }],
            fallback: fallback_text,
        };
        let (resend, recontent) = fallback(&message, lms_keyword);
        let request = SendRequest {
            account: "example",
            kind: "at",
            from: "0212345678",
            to: "01012345678",
            content: Content {
                at: Alimtalk {
                    senderkey: "key",
                    templatecode: "CONSULT_01",
                    message: &message.body,
                    button: &message.buttons,
                },
            },
            refkey: "0123456789abcdef0123456789abcd01".into(),
            resend,
            recontent,
        };
        serde_json::to_value(request).expect("JSON")
    }

    #[test]
    fn a_message_is_written_as_in_the_document() {
        let expected = serde_json::json!({
            "account": "example",
            "type": "at",
            "from": "0212345678",
            "to": "01012345678",
            "refkey": "0123456789abcdef0123456789abcd01",
            "content": { "at": {
                "senderkey": "key",
                "templatecode": "CONSULT_01",
                "message": "안녕하세요",
                "button": [
                    { "name": "안내", "type": "WL", "url_mobile": "https://example.com/m" },
                ],
            }},
        });
        assert_eq!(written(None, "lms"), expected);
    }

    #[test]
    fn a_fallbacks_text_is_written_under_the_name_of_its_kind() {
        let sms = written(Some(Fallback::Sms { body: "상담".into() }), "lms");
        assert_eq!(sms["resend"], serde_json::json!({ "first": "sms" }));
        assert_eq!(sms["recontent"], serde_json::json!({ "sms": { "message": "상담" } }));

        let long = Fallback::Lms { subject: Some("제목".into()), body: "상담".into() };
        let lms = written(Some(long), "mms");
        assert_eq!(lms["resend"], serde_json::json!({ "first": "mms" }));
        assert_eq!(
            lms["recontent"],
            serde_json::json!({ "mms": { "subject": "제목", "message": "상담" } })
        );
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
}
