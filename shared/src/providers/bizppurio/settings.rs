//! A channel's settings at Bizppurio.

use serde_json::{Map, Value};

use crate::domain::FieldError;
use crate::providers::endpoints::Endpoints;
use crate::providers::settings_reader::SettingsReader;

const LIVE: &str = "https://api.bizppurio.com";
const TEST: &str = "https://dev-api.bizppurio.com";

const ACCOUNT_BYTES_MAX: usize = 20;
const SENDER_KEY_BYTES_MAX: usize = 40;
const FROM_BYTES_MAX: usize = 16;
const ENDPOINT_BYTES_MAX: usize = 200;
/// Bizppurio's document of 2021 allows 1,000 characters in an Alimtalk message; a document of 2026
/// about the same messages allows 1,300.
const MESSAGE_CHARS_MAX: usize = 1300;
const MESSAGE_CHARS_DEFAULT: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Where the requests go; without a `/` at its end.
    pub base_url: String,
    /// The account's name at Bizppurio.
    pub account: String,
    /// The Kakao sender profile's key. Without one the channel sends only text messages.
    pub sender_key: Option<String>,
    /// The registered sender number of text messages, in digits.
    pub from: String,
    pub lms_keyword: LmsKeyword,
    /// How many characters the account's Alimtalk messages may have.
    pub message_chars_max: usize,
}

/// Bizppurio's word for a long text message. Its documents do not say which one an account must
/// use; the account manager knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LmsKeyword {
    Lms,
    Mms,
}

impl Settings {
    /// # Errors
    /// Every fault, named by its path in the channel's document.
    pub(super) fn read(
        settings: &Map<String, Value>,
        endpoints: Endpoints,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = SettingsReader::new(settings);
        let own_url = reader.choice("environment", [("live", LIVE), ("test", TEST)]);
        let account = reader.required_text("account", ACCOUNT_BYTES_MAX);
        let sender_key = reader.text("sender_key", SENDER_KEY_BYTES_MAX);
        let from = reader.required_text("from", FROM_BYTES_MAX);
        if !from.bytes().all(|b| b.is_ascii_digit()) {
            reader.fault("from", "must be the registered sender number in digits only: 0212345678");
        }
        let keywords = [("lms", LmsKeyword::Lms), ("mms", LmsKeyword::Mms)];
        let lms_keyword = reader.choice("lms_keyword", keywords);
        let message_chars_max =
            reader.number("message_chars_max", MESSAGE_CHARS_MAX, MESSAGE_CHARS_DEFAULT);
        let endpoint = reader.text("endpoint", ENDPOINT_BYTES_MAX);
        let base_url = endpoints.base_url(endpoint, own_url).unwrap_or_else(|fault| {
            reader.field_fault(fault);
            String::new()
        });
        reader.finish()?;
        Ok(Self {
            base_url,
            account: account.to_owned(),
            sender_key: sender_key.map(str::to_owned),
            from: from.to_owned(),
            lms_keyword,
            message_chars_max,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn minimal() -> Value {
        json!({ "account": "example", "from": "0212345678" })
    }

    fn read(settings: &Value, endpoints: Endpoints) -> Result<Settings, Vec<FieldError>> {
        Settings::read(settings.as_object().expect("an object"), endpoints)
    }

    #[test]
    fn an_account_and_a_sender_number_are_enough() {
        let settings = read(&minimal(), Endpoints::ProvidersOwn).expect("settings");
        let expected = Settings {
            base_url: "https://api.bizppurio.com".into(),
            account: "example".into(),
            sender_key: None,
            from: "0212345678".into(),
            lms_keyword: LmsKeyword::Lms,
            message_chars_max: 1000,
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn every_setting_has_its_effect() {
        let mut written = minimal();
        written["environment"] = "test".into();
        written["sender_key"] = "key".into();
        written["lms_keyword"] = "mms".into();
        written["message_chars_max"] = 1300.into();
        let settings = read(&written, Endpoints::ProvidersOwn).expect("settings");
        assert_eq!(settings.base_url, "https://dev-api.bizppurio.com");
        assert_eq!(settings.sender_key.as_deref(), Some("key"));
        assert_eq!(settings.lms_keyword, LmsKeyword::Mms);
        assert_eq!(settings.message_chars_max, 1300);
        written["endpoint"] = "http://127.0.0.1:9001/".into();
        let settings = read(&written, Endpoints::Any).expect("settings");
        assert_eq!(settings.base_url, "http://127.0.0.1:9001");
    }

    #[test]
    fn each_fault_is_named_by_its_field() {
        for (name, value) in [
            ("account", Value::Null),
            ("account", "a".repeat(21).into()),
            ("account", "".into()),
            ("sender_key", "k".repeat(41).into()),
            ("sender_key", "".into()),
            ("from", Value::Null),
            ("from", "1".repeat(17).into()),
            ("from", "02-1234-5678".into()),
            ("from", 212_345_678.into()),
            ("lms_keyword", "LMS".into()),
            ("lms_keyword", "sms".into()),
            ("environment", "https://api.bizppurio.com".into()),
            ("message_chars_max", 0.into()),
            ("message_chars_max", 1301.into()),
            ("endpoint", "http://127.0.0.1:9001".into()),
            ("base_url", "https://api.bizppurio.com".into()),
        ] {
            let mut written = minimal();
            written[name] = value.clone();
            let faults = read(&written, Endpoints::ProvidersOwn).expect_err(name);
            let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(fields, [format!("provider.{name}")], "{value}");
        }
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let written = json!({ "from": "+8221234", "lms_keyword": 1, "endpoint": "x", "key": "y" });
        let faults = read(&written, Endpoints::Any).expect_err("faults");
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "provider.account",
                "provider.from",
                "provider.lms_keyword",
                "provider.endpoint",
                "provider.key",
            ]
        );
    }
}
