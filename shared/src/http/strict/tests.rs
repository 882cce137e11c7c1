//! What the strict reader accepts, and what it says about a document that it does not accept.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Unreadable, deserialize_strictly};
use crate::domain::{Audience, Channel, FieldError, HoursConfig, Producer, Template};

fn template() -> Value {
    json!({
        "category": "informational",
        "variants": [{ "channel": "texts", "content": { "type": "sms", "body": "가" } }],
    })
}

fn channel() -> Value {
    json!({
        "provider": { "kind": "simulated", "account": "a" },
        "limit": { "per_second": 10 },
        "timeouts": { "connect": "1s", "total": "2s" },
        "window": { "from": "10:00", "to": "19:00" },
    })
}

/// The fault of a document, if it has one.
fn fault<T: DeserializeOwned>(document: Value) -> Option<FieldError> {
    match deserialize_strictly::<T, _>(document) {
        Ok(_) => None,
        Err(Unreadable::Fault(fault)) => Some(fault),
        Err(Unreadable::Malformed(error)) => panic!("{error}"),
    }
}

/// The unknown field that is named, if the document has one.
fn unknown<T: DeserializeOwned>(document: Value) -> Option<String> {
    let fault = fault::<T>(document)?;
    assert!(fault.detail.starts_with("is an unknown field; known: "), "{fault}");
    Some(fault.field)
}

#[test]
fn a_document_without_further_fields_is_read() {
    assert_eq!(unknown::<Channel>(channel()), None);
    assert_eq!(unknown::<Template>(template()), None);
}

#[test]
fn an_unknown_field_is_named_by_its_path_however_deep_it_is() {
    let with = |mut document: Value, pointer: &str, field: &str| {
        document.pointer_mut(pointer).expect("an object")[field] = json!(1);
        document
    };
    let in_channel =
        |pointer: &str, field: &str| unknown::<Channel>(with(channel(), pointer, field));
    assert_eq!(in_channel("", "limits").as_deref(), Some("limits"));
    assert_eq!(in_channel("/limit", "jittr").as_deref(), Some("limit.jittr"));
    assert_eq!(in_channel("/timeouts", "read").as_deref(), Some("timeouts.read"));
    assert_eq!(in_channel("/window", "until").as_deref(), Some("window.until"));
    // Channels had this field once. Their name tells the name of their secret.
    assert_eq!(in_channel("", "secret").as_deref(), Some("secret"));
    let in_variant = with(template(), "/variants/0", "chanel");
    assert_eq!(unknown::<Template>(in_variant).as_deref(), Some("variants[0].chanel"));
    let in_hours = json!({ "advertisement": { "from": "09:00", "to": "21:00" } });
    assert_eq!(unknown::<HoursConfig>(in_hours).as_deref(), Some("advertisement"));
    let in_grants = json!({ "grants": { "template": ["order"] } });
    assert_eq!(unknown::<Producer>(in_grants).as_deref(), Some("grants.template"));
}

#[test]
fn a_misspelled_field_is_named_rather_than_the_field_that_is_missing_for_it() {
    let misspelled = json!({ "category": "informational", "variantz": [] });
    assert_eq!(unknown::<Template>(misspelled).as_deref(), Some("variantz"));
}

#[test]
fn an_error_within_content_names_the_field_within_it() {
    let with = |content: Value| {
        let mut document = template();
        document["variants"][0]["content"] = content;
        let fault = fault::<Template>(document).expect("a fault");
        (fault.field, fault.detail)
    };
    let alimtalk = |field: &str, value: Value| {
        let mut content = json!({ "type": "alimtalk", "code": "c", "body": "가" });
        content[field] = value;
        with(content)
    };
    let at = |path: &str| format!("variants[0].content{path}");
    let cases = [
        (alimtalk("body", json!(5)), ".body", "must be a string"),
        (alimtalk("body", Value::Null), ".body", "is missing"),
        (alimtalk("buttons", json!([{ "type": "WL" }])), ".buttons[0].name", "is missing"),
        (
            alimtalk("buttons", json!([{ "type": "WL", "name": "b", "url": "c" }])),
            ".buttons[0].url",
            "is an unknown field; known: name, type, url_mobile, url_pc, scheme_ios, scheme_android",
        ),
        (
            alimtalk("fallback", json!({ "type": "fax", "body": "가" })),
            ".fallback.type",
            "must be sms or lms",
        ),
        (alimtalk("fallback", json!({ "type": "sms" })), ".fallback.body", "is missing"),
        (alimtalk("type", json!("fax")), ".type", "must be one of alimtalk, sms, lms"),
        (
            alimtalk("bodi", json!("가")),
            ".bodi",
            "is an unknown field; known: type, code, subject, body, buttons, fallback",
        ),
        (
            with(json!({ "type": "sms", "body": "가", "subject": "나" })),
            ".subject",
            "is an unknown field; known: type, body",
        ),
        (with(json!({ "body": "가" })), ".type", "is missing"),
        (with(json!("가")), "", "must be an object"),
    ];
    for ((field, detail), path, expected) in cases {
        assert_eq!((field, detail.as_str()), (at(path), expected));
    }
}

#[test]
fn a_stored_document_may_have_fields_that_newer_code_knows() {
    let mut document = template();
    document["variants"][0]["content"]["later"] = json!(1);
    assert!(serde_json::from_value::<Template>(document).is_ok());
}

#[test]
fn an_error_within_an_object_of_several_kinds_names_the_field_within_it() {
    let with = |pointer: &str, value: Value| {
        let mut document = channel();
        document[pointer] = value;
        fault::<Channel>(document).expect("a fault").to_string()
    };
    for (field, value, expected) in [
        (
            "confirmation",
            json!({ "by": "receipt", "within": "1h", "wihtin": "1h" }),
            "confirmation.wihtin: is an unknown field; known: by, within",
        ),
        ("confirmation", json!({ "by": "receipt" }), "confirmation.within: is missing"),
        (
            "confirmation",
            json!({ "by": "acceptance", "within": "1h" }),
            "confirmation.within: is an unknown field; known: by",
        ),
        ("confirmation", json!({ "by": "fax" }), "confirmation.by: must be receipt or acceptance"),
        ("confirmation", json!({}), "confirmation.by: is missing"),
        ("retry", json!({ "backoff": "fixed", "retries": 2 }), "retry.every: is missing"),
        (
            "retry",
            json!({ "backoff": "fixed", "retries": 256, "every": "3s" }),
            "retry.retries: is 256; must be a whole number from 0 to 255",
        ),
        (
            "retry",
            json!({ "backoff": "exponential", "retries": 2, "every": "3s" }),
            "retry.every: is an unknown field; known: backoff, retries, first, longest",
        ),
    ] {
        assert_eq!(with(field, value.clone()), expected, "{value}");
    }
    let audience = |source: Value| {
        fault::<Audience>(json!({ "source": source })).expect("a fault").to_string()
    };
    let s3 = json!({ "kind": "s3", "bucket": "b", "key": "k" });
    assert_eq!(audience(s3), "source.format: is missing");
    let members = json!({ "kind": "members", "key": "k" });
    let known = "source.key: is an unknown field; known: kind, version, size";
    assert_eq!(audience(members), known);
}

/// Serde's own readers take a list of an object's values for the object.
#[test]
fn a_list_is_no_object_and_an_object_no_choice_at_any_depth() {
    let object = |pointer: &str, value: Value| {
        let mut document = channel();
        document[pointer] = value;
        fault::<Channel>(document).expect("a fault").to_string()
    };
    assert_eq!(
        fault::<Channel>(json!(["a"])).expect("a fault").to_string(),
        "body: must be an object"
    );
    for (field, value) in [
        ("limit", json!([10])),
        ("timeouts", json!(["1s", "2s"])),
        ("window", json!(["10:00", "19:00"])),
        ("provider", json!(["simulated"])),
        ("confirmation", json!(["receipt", "1h"])),
        ("confirmation", json!(["acceptance"])),
        ("retry", json!(["fixed", 2, "3s"])),
    ] {
        assert_eq!(object(field, value.clone()), format!("{field}: must be an object"), "{value}");
    }
    let mut document = template();
    document["variants"][0] = json!(["texts", { "type": "sms", "body": "가" }]);
    let expected = "variants[0]: must be an object";
    assert_eq!(fault::<Template>(document).expect("a fault").to_string(), expected);
    let mut document = template();
    document["variants"][0]["content"] = json!(["sms", "가"]);
    let expected = "variants[0].content: must be an object";
    assert_eq!(fault::<Template>(document).expect("a fault").to_string(), expected);
    let mut document = template();
    document["category"] = json!({ "informational": null });
    let expected = "category: must be informational or advertising";
    assert_eq!(fault::<Template>(document).expect("a fault").to_string(), expected);
    let source = fault::<Audience>(json!({ "source": ["members"] })).expect("a fault");
    assert_eq!(source.to_string(), "source: must be an object");
}

#[test]
fn a_wrong_value_is_named_with_what_it_must_be() {
    for (changes, expected) in [
        (
            json!({ "limit": { "per_second": "10" } }),
            "limit.per_second: must be a whole number from 0 to 4294967295",
        ),
        (
            json!({ "limit": { "per_second": -1 } }),
            "limit.per_second: is -1; must be a whole number from 0 to 4294967295",
        ),
        (
            json!({ "limit": { "per_second": 1.5 } }),
            "limit.per_second: must be a whole number from 0 to 4294967295",
        ),
        (
            json!({ "limit": { "per_second": 1, "strict": "yes" } }),
            "limit.strict: must be true or false",
        ),
        (json!({ "limit": null }), "limit: must be an object"),
        (json!({ "timezone": 9 }), "timezone: must be a string"),
        (json!({ "only_to": "010" }), "only_to: must be a list"),
        (json!({ "only_to": ["010", 1] }), "only_to[1]: must be a string"),
        (
            json!({ "timeouts": { "connect": 1, "total": "2s" } }),
            "timeouts.connect: must be a duration, such as 500ms, 30s, 5m, 1h or PT30M",
        ),
        (
            json!({ "give_up_after": "a day" }),
            "give_up_after: must be a duration, such as 500ms, 30s, 5m, 1h or PT30M",
        ),
    ] {
        let mut document = channel();
        if let (Value::Object(document), Value::Object(changes)) = (&mut document, &changes) {
            document.extend(changes.clone());
        }
        let fault = fault::<Channel>(document).expect("a fault");
        assert_eq!(fault.to_string(), expected, "{changes}");
    }
}
