//! The result push: one JSON object a POST, all values texts.

use serde_json::{Map, Value};

use super::codes::push_verdict;
use crate::domain::{Receipt, Reference};
use crate::ports::{IncomingReceipt, MalformedPush};

/// Reads a push.
///
/// # Errors
/// [`MalformedPush`] when it is not an object with the fields that every push has.
pub fn parse_push(body: &[u8]) -> Result<IncomingReceipt, MalformedPush> {
    let malformed = |field: &str, fault: &str| MalformedPush {
        field: field.to_owned(),
        fault: fault.to_owned(),
    };
    let push: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| malformed("body", "is not a JSON object"))?;
    let text = |field: &str| match push.get(field) {
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    };
    // Of the fields that every push has, those that we use; UNIXTIME has two spellings and the
    // time of receipt serves as well.
    for field in ["DEVICE", "CMSGID", "MSGID", "MEDIA", "RESULT"] {
        if text(field).is_none() {
            return Err(malformed(field, "must be a text"));
        }
    }
    let result = text("RESULT").filter(|code| is_code(code));
    let code = result
        .ok_or_else(|| malformed("RESULT", "must be a code of up to 8 letters and digits"))?;
    let medium = text("MEDIA").filter(|medium| is_code(medium));
    Ok(IncomingReceipt {
        // Absent or foreign: another system may use the same account.
        reference: text("REFKEY").and_then(|refkey| refkey.parse::<Reference>().ok()),
        receipt: Receipt {
            verdict: push_verdict(code, medium),
            code: code.to_owned(),
            medium: medium.map(str::to_owned),
        },
    })
}

/// What is stored and logged is a code, whatever is sent.
fn is_code(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Verdict;

    const REFKEY: &str = "0123456789abcdef0123456789abcd01";

    fn push(fields: Value) -> Result<IncomingReceipt, MalformedPush> {
        let mut push = serde_json::json!({
            "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01012345678",
            "MEDIA": "KAT", "UNIXTIME": "1760000000", "RESULT": "7000", "REFKEY": REFKEY,
        });
        let (Value::Object(push_fields), Value::Object(changed)) = (&mut push, fields) else {
            panic!("objects")
        };
        push_fields.extend(changed);
        push_fields.retain(|_, value| !value.is_null());
        parse_push(push.to_string().as_bytes())
    }

    #[test]
    fn a_delivery_names_our_attempt() {
        let receipt = push(serde_json::json!({})).expect("a push");
        assert_eq!(receipt.reference.map(|r| r.to_string()).as_deref(), Some(REFKEY));
        assert_eq!(receipt.receipt.verdict, Verdict::Delivered);
    }

    #[test]
    fn the_older_spelling_of_the_time_is_taken_too() {
        assert!(push(serde_json::json!({ "UNIXTIME": null, "UNIXTME": "1" })).is_ok());
    }

    #[test]
    fn a_key_that_is_not_ours_is_no_error() {
        for refkey in [Value::Null, "order-17".into(), "".into()] {
            let receipt = push(serde_json::json!({ "REFKEY": refkey })).expect("a push");
            assert_eq!(receipt.reference, None);
        }
    }

    #[test]
    fn a_missing_or_odd_field_is_named() {
        for (field, value) in [
            ("RESULT", Value::Null),
            ("RESULT", 7000.into()),
            ("RESULT", "7000; drop".into()),
            ("CMSGID", Value::Null),
            ("MEDIA", Value::Null),
        ] {
            let fault = push(serde_json::json!({ field: value })).expect_err("malformed");
            assert_eq!(fault.field, field);
        }
        assert_eq!(parse_push(b"[1]").expect_err("malformed").field, "body");
    }

    proptest! {
        #[test]
        fn no_body_makes_reading_panic(body: Vec<u8>) {
            let _parsed = parse_push(&body);
        }
    }
}
