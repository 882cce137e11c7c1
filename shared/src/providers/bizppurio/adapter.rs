//! What Bizppurio can send, demands and means.

use std::sync::Arc;

use bytes::Bytes;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::Bizppurio;
use super::guarantees::GUARANTEES;
use super::limits::content_faults;
use super::receipts::{read_receipt, receipt_reply};
use super::settings::Settings;
use super::words::explanation;
use crate::domain::{
    Address, Channel, ChannelType, Content, Explanation, FieldError, Guarantees, IncomingReceipt,
};
use crate::ports::{Adapter, NotPrepared, Provider};
use crate::providers::connect::Connect;
use crate::providers::content_fault::{ContentFault, Texts};
use crate::providers::endpoints::Endpoints;
use crate::providers::io::ProviderIo;
use crate::providers::secret::ChannelSecret;

/// The adapter of one channel.
pub struct BizppurioAdapter {
    settings: Settings,
}

impl BizppurioAdapter {
    /// # Errors
    /// Every fault of the settings, named by its path in the channel's document.
    pub fn new(
        settings: &Map<String, Value>,
        endpoints: Endpoints,
    ) -> Result<Self, Vec<FieldError>> {
        Ok(Self { settings: Settings::read(settings, endpoints)? })
    }
}

impl Adapter for BizppurioAdapter {
    fn sends(&self) -> &'static [ChannelType] {
        &[ChannelType::Alimtalk, ChannelType::Sms, ChannelType::Lms]
    }

    fn guarantees(&self) -> Guarantees {
        GUARANTEES
    }

    /// Bizppurio's documents state no limits that every account has.
    fn check_channel(&self, _: &Channel) -> Vec<FieldError> {
        vec![]
    }

    fn check_fixed(&self, content: &Content) -> Vec<FieldError> {
        let faults = content_faults(content, &self.settings, Texts::InTemplate);
        faults.into_iter().map(ContentFault::in_template).collect()
    }

    fn check(&self, to: &Address, content: &Content) -> Result<(), FieldError> {
        let Address::Phone(phone) = to;
        if !phone.is_korean() {
            let must = "is a number abroad; must be a Korean number, because Bizppurio sends only \
                inside Korea";
            return Err(FieldError::new(to.field(), must));
        }
        let faults = content_faults(content, &self.settings, Texts::Rendered);
        faults.into_iter().next().map_or(Ok(()), |fault| Err(fault.in_message()))
    }

    fn read_receipts(
        &self,
        request: &http::Request<Bytes>,
    ) -> Result<Vec<IncomingReceipt>, FieldError> {
        Ok(vec![read_receipt(request.body())?])
    }

    fn explain(&self, code: &str) -> Option<Explanation> {
        explanation(code)
    }

    fn receipt_reply(&self) -> http::Response<Bytes> {
        receipt_reply()
    }
}

/// What the channel's secret holds.
#[derive(Deserialize)]
struct Credentials {
    /// The account's password at Bizppurio.
    password: SecretString,
}

impl Connect for BizppurioAdapter {
    fn connect(
        &self,
        channel: &Channel,
        secret: &ChannelSecret,
        io: &ProviderIo,
    ) -> Result<Arc<dyn Provider>, NotPrepared> {
        let Credentials { password } = secret.parse("password")?;
        let settings = self.settings.clone();
        Ok(Arc::new(Bizppurio::new(channel, settings, password, io.clone())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::PhoneNumber;

    fn adapter(settings: Value) -> BizppurioAdapter {
        let Value::Object(mut written) = json!({ "account": "a", "from": "0212345678" }) else {
            panic!("an object")
        };
        let Value::Object(settings) = settings else { panic!("an object") };
        written.extend(settings);
        BizppurioAdapter::new(&written, Endpoints::ProvidersOwn).expect("an adapter")
    }

    fn with_sender_key() -> BizppurioAdapter {
        adapter(json!({ "sender_key": "k" }))
    }

    fn content(json: Value) -> Content {
        serde_json::from_value(json).expect("content")
    }

    fn alimtalk(body: &str) -> Content {
        content(json!({ "type": "alimtalk", "code": "C", "body": body }))
    }

    fn to(number: &str) -> Address {
        Address::Phone(PhoneNumber::try_from(number.to_owned()).expect("a number"))
    }

    fn check(content: &Content) -> Result<(), String> {
        let checked = with_sender_key().check(&to("010-1234-5678"), content);
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn messages_of_all_kinds_within_the_limits_are_accepted() {
        for json in [
            json!({ "type": "alimtalk", "code": "C", "body": "가".repeat(1000) }),
            json!({ "type": "sms", "body": "가".repeat(45) }),
            json!({ "type": "lms", "subject": "가".repeat(32), "body": "가".repeat(1000) }),
            json!({ "type": "lms", "body": "a" }),
        ] {
            let content = content(json);
            assert_eq!(check(&content), Ok(()));
            assert_eq!(with_sender_key().check_fixed(&content), []);
            assert!(with_sender_key().sends().contains(&content.channel_type()));
        }
    }

    #[test]
    fn a_message_over_a_limit_is_a_fault_of_its_variables() {
        for (json, error) in [
            (
                json!({ "type": "alimtalk", "code": "C", "body": "가".repeat(1001) }),
                "variables: body has 1001 characters; Alimtalk allows 1 to 1000",
            ),
            (
                json!({ "type": "sms", "body": "가".repeat(46) }),
                "variables: body has 92 bytes in EUC-KR; SMS allows 1 to 90",
            ),
            (
                json!({ "type": "lms", "subject": "가".repeat(33), "body": "a" }),
                "variables: subject has 66 bytes in EUC-KR; LMS allows 1 to 64",
            ),
            (
                json!({ "type": "alimtalk", "code": "C", "body": "a",
                        "fallback": { "type": "sms", "body": "가".repeat(46) } }),
                "variables: fallback.body has 92 bytes in EUC-KR; SMS allows 1 to 90",
            ),
            (
                json!({ "type": "alimtalk", "code": "C", "body": "a", "buttons": [
                    { "name": "b", "type": "WL", "url_mobile": "javascript:a" },
                ] }),
                "variables: buttons[0].url_mobile must start with https:// or http://",
            ),
        ] {
            assert_eq!(check(&content(json)), Err(error.to_owned()));
        }
    }

    #[test]
    fn a_message_whose_template_is_at_fault_names_the_template() {
        let without_code = content(json!({ "type": "alimtalk", "code": "", "body": "a" }));
        let error = check(&without_code).expect_err("no code");
        assert!(error.starts_with("template: code has 0 bytes; must be the code"), "{error}");
    }

    #[test]
    fn every_fault_of_a_templates_content_is_named_by_its_path() {
        let buttons: Vec<Value> = (0..6).map(|_| json!({ "name": "b", "type": "WL" })).collect();
        let wrong = content(json!({
            "type": "alimtalk", "code": "c".repeat(33), "body": "가".repeat(1001),
            "buttons": buttons, "fallback": { "type": "lms", "subject": "😀", "body": "a" },
        }));
        let faults = with_sender_key().check_fixed(&wrong);
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "code",
                "body",
                "buttons",
                "buttons[0].url_mobile",
                "buttons[1].url_mobile",
                "buttons[2].url_mobile",
                "buttons[3].url_mobile",
                "buttons[4].url_mobile",
                "buttons[5].url_mobile",
                "fallback.subject",
            ]
        );
    }

    #[test]
    fn a_number_abroad_is_refused() {
        let adapter = with_sender_key();
        for number in ["+1 212 555 0123", "+81 90 1234 5678"] {
            let error = adapter.check(&to(number), &alimtalk("a")).expect_err("abroad");
            assert_eq!(error.field, "to.phone");
            assert!(!error.detail.contains("1234"), "{error}");
        }
        for number in ["+82 10 1234 5678", "02-123-4567"] {
            assert_eq!(adapter.check(&to(number), &alimtalk("a")), Ok(()), "{number}");
        }
    }

    #[test]
    fn a_channel_without_a_sender_key_sends_only_text_messages() {
        let adapter = adapter(json!({}));
        let faults = adapter.check_fixed(&alimtalk("a"));
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["type"]);
        let error = adapter.check(&to("01012345678"), &alimtalk("a")).expect_err("no key");
        assert_eq!(error.field, "template");
        let sms = content(json!({ "type": "sms", "body": "a" }));
        assert_eq!(adapter.check_fixed(&sms), []);
        assert_eq!(adapter.check(&to("01012345678"), &sms), Ok(()));
    }

    #[test]
    fn the_accounts_own_limit_of_characters_counts() {
        let adapter = adapter(json!({ "sender_key": "k", "message_chars_max": 1300 }));
        let (longest, longer) = (alimtalk(&"가".repeat(1300)), alimtalk(&"가".repeat(1301)));
        assert_eq!(adapter.check_fixed(&longest), []);
        assert_eq!(adapter.check_fixed(&longer).len(), 1);
        assert!(adapter.check(&to("01012345678"), &longer).is_err());
    }

    #[test]
    fn the_guarantees_are_those_of_the_documents() {
        let guarantees = with_sender_key().guarantees();
        assert!(guarantees.sends_receipts && guarantees.can_be_asked);
        assert!(!guarantees.deduplicates && guarantees.retry_wait_min.is_zero());
    }

    #[test]
    fn a_webhook_request_holds_one_receipt_and_is_answered_as_the_provider_expects() {
        let adapter = with_sender_key();
        let request = |body: &'static str| {
            http::Request::post("/webhooks/main").body(Bytes::from_static(body.as_bytes()))
        };
        let receipt = request(
            r#"{"DEVICE":"SMS","CMSGID":"c","MSGID":"m","PHONE":"0","MEDIA":"SMS","RESULT":"4100"}"#,
        );
        let receipts = adapter.read_receipts(&receipt.expect("a request")).expect("receipts");
        assert_eq!(receipts.len(), 1);
        let malformed = request("[]").expect("a request");
        assert_eq!(adapter.read_receipts(&malformed).expect_err("malformed").field, "body");
        let reply = adapter.receipt_reply();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()[http::header::CONTENT_TYPE], "application/json");
        assert_eq!(reply.body(), &Bytes::from_static(br#"{"result":"ok"}"#));
    }
}
