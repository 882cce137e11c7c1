//! The bodies of the requests to Bizppurio, by the messaging API v3 document.

use bytes::Bytes;
use serde::Serialize;

use super::settings::{LmsKeyword, Settings};
use crate::domain::{Address, Button, Content, Fallback, Lms, Sms};
use crate::ports::Outgoing;

/// Why a message cannot be written as a request. All of it was checked when the message was stored,
/// so the channel or its template has changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("the number is not Korean")]
    NumberAbroad,
    #[error("an Alimtalk message needs the channel's provider.sender_key")]
    NoSenderKey,
    #[error("the request cannot be JSON")]
    NoJson,
}

/// The body of `POST /v3/message`.
#[derive(Serialize)]
struct SendRequest<'a> {
    account: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    from: &'a str,
    to: &'a str,
    content: Body<'a>,
    refkey: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resend: Option<Resend>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recontent: Option<Body<'a>>,
}

/// What a message says, under the keyword of its kind.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Body<'a> {
    At(Alimtalk<'a>),
    Sms(Text<'a>),
    Lms(Text<'a>),
    Mms(Text<'a>),
}

#[derive(Serialize)]
struct Alimtalk<'a> {
    senderkey: &'a str,
    templatecode: &'a str,
    message: &'a str,
    // Alimi's buttons already have Bizppurio's field names.
    #[serde(skip_serializing_if = "<[Button]>::is_empty")]
    button: &'a [Button],
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    message: &'a str,
}

/// Names the kind of the fallback.
#[derive(Serialize)]
struct Resend {
    first: &'static str,
}

/// The body of `POST /v3/message`. Bizppurio takes numbers as they are dialled inside Korea.
pub(super) fn message_body(
    settings: &Settings,
    message: &Outgoing<'_>,
) -> Result<Bytes, Unwritable> {
    let Address::Phone(phone) = message.to;
    let to = phone.korean_national().ok_or(Unwritable::NumberAbroad)?;
    let content = Body::of(message.content, settings)?;
    let recontent = fallback(message.content, settings);
    written(&SendRequest {
        account: &settings.account,
        kind: content.keyword(),
        from: &settings.from,
        to: &to,
        content,
        refkey: message.reference.to_string(),
        resend: recontent.as_ref().map(|body| Resend { first: body.keyword() }),
        recontent,
    })
}

/// The body of `POST /v2/report`, which asks for a message's receipt again.
#[derive(Serialize)]
struct ReportRequest<'a> {
    account: &'a str,
    messagekey: &'a str,
}

pub(super) fn report_body(settings: &Settings, messagekey: &str) -> Result<Bytes, Unwritable> {
    written(&ReportRequest { account: &settings.account, messagekey })
}

fn written(request: &impl Serialize) -> Result<Bytes, Unwritable> {
    serde_json::to_vec(request).map(Bytes::from).map_err(|_| Unwritable::NoJson)
}

impl<'a> Body<'a> {
    fn of(content: &'a Content, settings: &'a Settings) -> Result<Self, Unwritable> {
        Ok(match content {
            Content::Alimtalk(alimtalk) => Self::At(Alimtalk {
                senderkey: settings.sender_key.as_deref().ok_or(Unwritable::NoSenderKey)?,
                templatecode: &alimtalk.code,
                message: &alimtalk.body,
                button: &alimtalk.buttons,
            }),
            Content::Sms(sms) => Self::sms(sms),
            Content::Lms(lms) => Self::lms(lms, settings.lms_keyword),
        })
    }

    fn sms(sms: &'a Sms) -> Self {
        Self::Sms(Text { subject: None, message: &sms.body })
    }

    fn lms(lms: &'a Lms, keyword: LmsKeyword) -> Self {
        let text = Text { subject: lms.subject.as_deref(), message: &lms.body };
        match keyword {
            LmsKeyword::Lms => Self::Lms(text),
            LmsKeyword::Mms => Self::Mms(text),
        }
    }

    fn keyword(&self) -> &'static str {
        match self {
            Self::At(_) => "at",
            Self::Sms(_) => "sms",
            Self::Lms(_) => "lms",
            Self::Mms(_) => "mms",
        }
    }
}

fn fallback<'a>(content: &'a Content, settings: &Settings) -> Option<Body<'a>> {
    match content {
        Content::Alimtalk(alimtalk) => Some(match alimtalk.fallback.as_ref()? {
            Fallback::Sms(sms) => Body::sms(sms),
            Fallback::Lms(lms) => Body::lms(lms, settings.lms_keyword),
        }),
        Content::Sms(_) | Content::Lms(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{PhoneNumber, Reference};
    use crate::providers::endpoints::Endpoints;

    const REFKEY: &str = "0123456789abcdef0123456789abcd01";

    fn settings(lms_keyword: &str) -> Settings {
        let written = json!({
            "account": "example", "sender_key": "key", "from": "0212345678",
            "lms_keyword": lms_keyword,
        });
        let written = written.as_object().expect("an object");
        Settings::read(written, Endpoints::ProvidersOwn).expect("settings")
    }

    fn body(content: Value, number: &str, settings: &Settings) -> Result<Value, Unwritable> {
        let content: Content = serde_json::from_value(content).expect("content");
        let to = Address::Phone(PhoneNumber::try_from(number.to_owned()).expect("a number"));
        let reference: Reference = REFKEY.parse().expect("a reference");
        let message = Outgoing { reference: &reference, to: &to, content: &content };
        let body = message_body(settings, &message)?;
        Ok(serde_json::from_slice(&body).expect("JSON"))
    }

    fn written(content: Value, lms_keyword: &str) -> Value {
        body(content, "+82 10-1234-5678", &settings(lms_keyword)).expect("a body")
    }

    fn alimtalk(fallback: &Value) -> Value {
        json!({
            "type": "alimtalk", "code": "CONSULT_01", "body": "안녕하세요", "fallback": fallback,
        })
    }

    #[test]
    fn an_alimtalk_message_is_written_as_in_the_document() {
        let content = json!({
            "type": "alimtalk", "code": "CONSULT_01", "body": "안녕하세요",
            "buttons": [{ "name": "안내", "type": "WL", "url_mobile": "https://example.com/m" }],
        });
        let expected = json!({
            "account": "example",
            "type": "at",
            "from": "0212345678",
            "to": "01012345678",
            "refkey": REFKEY,
            "content": { "at": {
                "senderkey": "key",
                "templatecode": "CONSULT_01",
                "message": "안녕하세요",
                "button": [
                    { "name": "안내", "type": "WL", "url_mobile": "https://example.com/m" },
                ],
            }},
        });
        assert_eq!(written(content, "lms"), expected);
    }

    #[test]
    fn a_text_message_is_written_under_the_keyword_of_its_kind() {
        let sms = written(json!({ "type": "sms", "body": "상담" }), "lms");
        let expected = json!({
            "account": "example",
            "type": "sms",
            "from": "0212345678",
            "to": "01012345678",
            "refkey": REFKEY,
            "content": { "sms": { "message": "상담" } },
        });
        assert_eq!(sms, expected);

        for keyword in ["lms", "mms"] {
            let long = json!({ "type": "lms", "subject": "제목", "body": "상담" });
            let lms = written(long, keyword);
            assert_eq!(lms["type"], keyword);
            let content = json!({ keyword: { "subject": "제목", "message": "상담" } });
            assert_eq!(lms["content"], content);
        }
        let without_subject = written(json!({ "type": "lms", "body": "상담" }), "lms");
        assert_eq!(without_subject["content"], json!({ "lms": { "message": "상담" } }));
    }

    #[test]
    fn a_fallbacks_text_is_written_under_the_keyword_of_its_kind() {
        let sms = written(alimtalk(&json!({ "type": "sms", "body": "상담" })), "lms");
        assert_eq!(sms["resend"], json!({ "first": "sms" }));
        assert_eq!(sms["recontent"], json!({ "sms": { "message": "상담" } }));

        let long = json!({ "type": "lms", "subject": "제목", "body": "상담" });
        let lms = written(alimtalk(&long), "mms");
        assert_eq!(lms["resend"], json!({ "first": "mms" }));
        assert_eq!(lms["recontent"], json!({ "mms": { "subject": "제목", "message": "상담" } }));
    }

    #[test]
    fn a_message_that_the_channel_cannot_send_any_more_is_not_written() {
        let sms = json!({ "type": "sms", "body": "a" });
        let abroad = body(sms, "+81 90 1234 5678", &settings("lms"));
        assert_eq!(abroad, Err(Unwritable::NumberAbroad));
        let without_key = Settings { sender_key: None, ..settings("lms") };
        let unwritable = body(alimtalk(&Value::Null), "01012345678", &without_key);
        assert_eq!(unwritable, Err(Unwritable::NoSenderKey));
    }

    #[test]
    fn a_receipt_is_asked_for_by_the_messages_key() {
        let body = report_body(&settings("lms"), "123").expect("a body");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body, json!({ "account": "example", "messagekey": "123" }));
    }
}
