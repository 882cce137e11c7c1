//! Bizppurio passes the suite.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::{Channel, ChannelType, Content, Reference, Verdict};
use alimi_local::simulator::{self, PASSWORD, Simulator};
use axum::Router;
use axum::body::Bytes;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fixture::{ContractFixture, ReceiptFixture, Sample, TextLimit};

struct Bizppurio;

provider_contract!(Bizppurio);

const ACCOUNT: &str = "example";
const WRONG_PASSWORD: &str = "wrong-password";

/// Bizppurio takes numbers as they are dialled inside Korea.
const TO_ON_WIRE: &str = "01012345678";

impl ContractFixture for Bizppurio {
    fn channel(&self, endpoint: &str) -> Channel {
        channel(json!({
            "kind": "bizppurio", "endpoint": endpoint, "account": ACCOUNT, "from": "0298765432",
            "sender_key": "0123456789abcdef0123456789abcdef01234567",
        }))
    }

    /// Only Alimtalk messages need a sender profile at Kakao.
    fn narrower_channels(&self) -> Vec<(Channel, Vec<ChannelType>)> {
        let provider = json!({ "kind": "bizppurio", "account": ACCOUNT, "from": "0298765432" });
        vec![(channel(provider), vec![ChannelType::Sms, ChannelType::Lms])]
    }

    fn secret(&self) -> String {
        json!({ "password": PASSWORD }).to_string()
    }

    fn wrong_secret(&self) -> String {
        json!({ "password": WRONG_PASSWORD }).to_string()
    }

    fn secret_words(&self) -> Vec<String> {
        let basic = |password: &str| STANDARD.encode(format!("{ACCOUNT}:{password}"));
        vec![
            PASSWORD.to_owned(),
            WRONG_PASSWORD.to_owned(),
            basic(PASSWORD),
            basic(WRONG_PASSWORD),
            "token-0".to_owned(),
        ]
    }

    fn router(&self, simulator: Arc<Simulator>) -> Router {
        simulator::router(simulator)
    }

    fn samples(&self) -> Vec<Sample> {
        let alimtalk = json!({
            "type": "alimtalk", "code": "CONSULT_START_01", "body": "김하나 선생님, 안녕하세요.",
            "buttons": [
                { "name": "상담 안내", "type": "WL", "url_mobile": "https://example.com/c/hidden" },
            ],
        });
        let with_fallback = |fallback| {
            let mut content = alimtalk.clone();
            content["fallback"] = fallback;
            content
        };
        let short = json!({ "type": "sms", "body": "[상담] 3월 2일에 시작합니다." });
        let long =
            json!({ "type": "lms", "subject": "상담 시작 안내", "body": "상담이 시작됩니다." });
        [with_fallback(short.clone()), with_fallback(long.clone()), alimtalk.clone(), short, long]
            .map(|content| Sample::to_phone(content, TO_ON_WIRE))
            .into()
    }

    fn text_limits(&self) -> Vec<TextLimit> {
        let alimtalk = |field: &str, value: Value| {
            let mut content = json!({ "type": "alimtalk", "code": "CODE", "body": "a" });
            content[field] = value;
            content
        };
        let button = |name: String| alimtalk("buttons", json!([{ "name": name, "type": "BK" }]));
        let fallback = |fallback: Value| alimtalk("fallback", fallback);
        let sms = |body: String| json!({ "type": "sms", "body": body });
        let lms = |subject: String, body: String| json!({ "type": "lms", "subject": subject, "body": body });
        let [long_subject, longer_subject] = [64, 65].map(euc_kr);
        let [long_body, longer_body] = [2000, 2001].map(euc_kr);
        let [short_body, longer_short_body] = [90, 91].map(euc_kr);
        let a = || "a".to_owned();
        vec![
            limit("body", [1000, 1001].map(|chars| alimtalk("body", "가".repeat(chars).into()))),
            limit("code", [32, 33].map(|bytes| alimtalk("code", "C".repeat(bytes).into()))),
            limit("buttons[0].name", [28, 29].map(|chars| button("가".repeat(chars)))),
            limit(
                "fallback.body",
                [&short_body, &longer_short_body].map(|body| fallback(sms(body.clone()))),
            ),
            limit(
                "fallback.body",
                [&long_body, &longer_body].map(|body| fallback(lms(a(), body.clone()))),
            ),
            limit(
                "fallback.subject",
                [&long_subject, &longer_subject].map(|text| fallback(lms(text.clone(), a()))),
            ),
            limit("body", [short_body, longer_short_body].map(sms)),
            limit("body", [long_body, longer_body].map(|body| lms(a(), body))),
            limit("subject", [long_subject, longer_subject].map(|text| lms(text, a()))),
        ]
    }

    fn token_life(&self) -> Option<Duration> {
        Some(Duration::from_secs(24 * 60 * 60))
    }

    /// Bizppurio's codes do not tell a number that no longer exists from a wrong one.
    fn recognises_gone_addresses(&self) -> bool {
        false
    }

    fn sends_abroad(&self) -> bool {
        false
    }

    fn receipts(&self) -> Option<&'static dyn ReceiptFixture> {
        Some(&Bizppurio)
    }
}

impl ReceiptFixture for Bizppurio {
    fn posted(&self, body: &Value) -> Request<Bytes> {
        Request::post("/webhooks/contract/secret")
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .expect("a request")
    }

    fn receipt(&self, reference: &Reference, verdict: Verdict) -> Option<Request<Bytes>> {
        let (medium, result) = match verdict {
            Verdict::Delivered => ("KAT", "7000"),
            Verdict::PrimaryUndelivered => ("KAT", "7308"),
            Verdict::Undelivered => ("SMS", "4410"),
            Verdict::Inconclusive => ("KAT", "7305"),
        };
        let refkey = reference.to_string();
        let changes = json!({ "MEDIA": medium, "RESULT": result, "REFKEY": refkey });
        Some(self.posted(&receipt_with(&changes)))
    }

    fn foreign(&self) -> Vec<Request<Bytes>> {
        [Value::Null, "".into(), "order-17".into(), "0".repeat(31).into()]
            .map(|refkey| self.posted(&receipt_with(&json!({ "REFKEY": refkey }))))
            .into()
    }

    fn malformed(&self) -> Vec<(&'static str, Request<Bytes>)> {
        let fields = [
            ("RESULT", Value::Null),
            ("RESULT", 7000.into()),
            ("RESULT", "7000; 01012345678".into()),
            ("CMSGID", Value::Null),
            ("MEDIA", Value::Null),
        ];
        let changed = fields.into_iter().map(|(field, value)| {
            let mut changes = json!({});
            changes[field] = value;
            (field, self.posted(&receipt_with(&changes)))
        });
        let bodies = [json!([{}]), json!("01012345678"), Value::Null];
        changed.chain(bodies.iter().map(|body| ("body", self.posted(body)))).collect()
    }

    /// Bizppurio posts each receipt by itself.
    fn batch(&self, _references: &[Reference]) -> Option<Request<Bytes>> {
        None
    }

    /// Bizppurio does not sign receipts.
    fn unsigned(&self, _reference: &Reference) -> Option<Request<Bytes>> {
        None
    }
}

fn channel(provider: Value) -> Channel {
    let mut channel = json!({ "name": "contract", "limit": { "per_second": 40 } });
    channel["provider"] = provider;
    serde_json::from_value(channel).expect("a channel")
}

/// A receipt in which some fields are changed. A field that becomes null is left out.
fn receipt_with(changes: &Value) -> Value {
    let mut receipt = json!({
        "DEVICE": "AT", "CMSGID": "1", "MSGID": "1", "PHONE": TO_ON_WIRE, "MEDIA": "KAT",
        "UNIXTIME": "1772413200", "RESULT": "7000",
    });
    let (Value::Object(fields), Value::Object(changes)) = (&mut receipt, changes) else {
        panic!("objects")
    };
    for (field, value) in changes {
        fields.insert(field.clone(), value.clone());
    }
    fields.retain(|_, value| !value.is_null());
    receipt
}

/// A text of so many bytes in EUC-KR, in which a Korean letter has two.
fn euc_kr(bytes: usize) -> String {
    format!("{}{}", "가".repeat(bytes / 2), "a".repeat(bytes % 2))
}

/// A text that is rendered is reported as `variables`, and the code as `template`.
fn limit(field_in_template: &'static str, [longest, longer]: [Value; 2]) -> TextLimit {
    let content = |value| -> Content { serde_json::from_value(value).expect("content") };
    TextLimit {
        longest: content(longest),
        longer: content(longer),
        field_in_template,
        field_in_message: if field_in_template == "code" { "template" } else { "variables" },
    }
}
