//! Delivery receipts, which Bizppurio calls result pushes: one JSON object for each POST, with only
//! texts as values.

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value};

use super::codes::receipt_verdict;
use crate::domain::{FieldError, IncomingReceipt, Receipt, Reference};

/// Reads a receipt.
///
/// # Errors
/// Names the field at fault, or `body`, when the body is not an object with the fields that every
/// receipt has. The error never quotes the body.
pub(super) fn read_receipt(body: &[u8]) -> Result<IncomingReceipt, FieldError> {
    let receipt: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| FieldError::new("body", "is not a JSON object"))?;
    let text = |field: &str| receipt.get(field).and_then(Value::as_str);
    // Bizppurio's document requires these fields. It requires the time too, but in two spellings
    // (UNIXTIME, UNIXTME), and Alimi uses the time of arrival instead.
    for field in ["DEVICE", "CMSGID", "MSGID", "MEDIA", "RESULT"] {
        if text(field).is_none() {
            return Err(FieldError::new(field, "must be a string"));
        }
    }
    let result = text("RESULT").filter(|code| is_code(code));
    let code = result
        .ok_or_else(|| FieldError::new("RESULT", "must be a code of 1 to 8 letters and digits"))?;
    let medium = text("MEDIA").filter(|medium| is_code(medium));
    Ok(IncomingReceipt {
        // The key can be absent or another system's: that system may use the same account.
        reference: text("REFKEY").and_then(|refkey| refkey.parse::<Reference>().ok()),
        receipt: Receipt {
            verdict: receipt_verdict(code, medium),
            code: code.to_owned(),
            medium: medium.map(str::to_owned),
        },
    })
}

/// The answer to a receipt that is stored. Bizppurio's document asks for no particular answer.
pub(super) fn receipt_reply() -> Response<Bytes> {
    let mut reply = Response::new(Bytes::from_static(br#"{"result":"ok"}"#));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// Only a short code is stored and logged, whatever the sender puts into the field.
fn is_code(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Verdict;

    const REFKEY: &str = "0123456789abcdef0123456789abcd01";

    fn parse_with(fields: Value) -> Result<IncomingReceipt, FieldError> {
        let mut receipt = serde_json::json!({
            "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01012345678",
            "MEDIA": "KAT", "UNIXTIME": "1760000000", "RESULT": "7000", "REFKEY": REFKEY,
        });
        let (Value::Object(all), Value::Object(changed)) = (&mut receipt, fields) else {
            panic!("objects")
        };
        all.extend(changed);
        all.retain(|_, value| !value.is_null());
        read_receipt(receipt.to_string().as_bytes())
    }

    #[test]
    fn a_delivered_receipt_names_the_attempt() {
        let receipt = parse_with(serde_json::json!({})).expect("a receipt");
        assert_eq!(receipt.reference.map(|r| r.to_string()).as_deref(), Some(REFKEY));
        assert_eq!(receipt.receipt.verdict, Verdict::Delivered);
    }

    #[test]
    fn the_receipt_of_a_text_message_that_was_not_delivered_is_final() {
        for (device, result) in [("SMS", "4410"), ("LMS", "6600"), ("LMS", "6610")] {
            let fields = serde_json::json!({ "DEVICE": device, "MEDIA": device, "RESULT": result });
            let receipt = parse_with(fields).expect("a receipt").receipt;
            let verdict = if result == "6600" { Verdict::Delivered } else { Verdict::Undelivered };
            assert_eq!(receipt.verdict, verdict, "{result}");
            assert_eq!(receipt.medium.as_deref(), Some(device));
        }
    }

    #[test]
    fn the_older_spelling_of_the_time_is_accepted_too() {
        assert!(parse_with(serde_json::json!({ "UNIXTIME": null, "UNIXTME": "1" })).is_ok());
    }

    #[test]
    fn another_systems_key_is_no_error() {
        for refkey in [Value::Null, "order-17".into(), "".into()] {
            let receipt = parse_with(serde_json::json!({ "REFKEY": refkey }));
            let receipt = receipt.expect("a receipt");
            assert_eq!(receipt.reference, None);
        }
    }

    #[test]
    fn a_missing_or_malformed_field_is_named() {
        for (field, value) in [
            ("RESULT", Value::Null),
            ("RESULT", 7000.into()),
            ("RESULT", "7000; drop".into()),
            ("CMSGID", Value::Null),
            ("MEDIA", Value::Null),
        ] {
            let error = parse_with(serde_json::json!({ field: value })).expect_err("malformed");
            assert_eq!(error.field, field);
        }
        assert_eq!(read_receipt(b"[1]").expect_err("malformed").field, "body");
    }

    proptest! {
        #[test]
        fn reading_any_body_never_panics(body: Vec<u8>) {
            let _parsed = read_receipt(&body);
        }
    }
}
