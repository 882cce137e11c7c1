//! What every refusal must look like.

use alimi::http::ProblemKind;
use axum::http::HeaderValue;
use serde_json::Value;
use strum::VariantArray;

use super::case::{Answer, Case};

/// Words of libraries, which say nothing to a client.
const FORBIDDEN: [&str; 32] = [
    "expected struct",
    "unknown variant",
    "unknown field `",
    "duplicate field",
    "missing field",
    "invalid type",
    "invalid value",
    "invalid length",
    "invalid digit",
    "did not match any variant",
    "at line 1 column",
    "recursion limit",
    "trailing characters",
    "EOF while",
    "control character (",
    "Jiff",
    "jiff",
    "friendly",
    "serde",
    "Timestamp",
    "SignedDuration",
    "a borrowed",
    "a sequence",
    "a map",
    "struct ",
    "enum ",
    "u8",
    "u16",
    "u32",
    "u64",
    "i64",
    "f64",
];

/// Checks the answer to a bad request. The error is what is wrong with the answer.
pub fn check(case: &Case, answer: &Answer) -> Result<(), String> {
    let Answer { status, headers, body } = answer;
    is_equal("status", status, &case.status)?;
    let content_type = headers.get("content-type").map(HeaderValue::as_bytes);
    is_equal("content type", &content_type, &Some(&b"application/problem+json"[..]))?;
    let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
    let kind = ProblemKind::VARIANTS.iter().find(|kind| kind.reference() == text("type"));
    let kind = kind.ok_or("the type is no kind of problem")?;
    is_equal("kind's status", &kind.status().as_u16(), status)?;
    is_equal("title", &text("title"), &kind.title().to_owned())?;
    is_equal("member status", &body["status"], &Value::from(*status))?;
    for member in ["detail", "field"] {
        is_not_empty(&text(member), member)?;
    }
    let errors = body["errors"].as_array().ok_or("there is no list of errors")?;
    let first = errors.first().ok_or("the list of errors is empty")?;
    for error in errors {
        for member in ["detail", "field"] {
            is_not_empty(error[member].as_str().unwrap_or_default(), member)?;
        }
    }
    let field = first["field"].as_str().unwrap_or_default();
    let is_expected = match case.field.strip_suffix('*') {
        Some(start) => field.starts_with(start),
        None => field == case.field,
    };
    if !is_expected {
        return Err(format!("the field is {field} and not {}", case.field));
    }
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    is_not_empty(id, "x-request-id")?;
    is_equal("request id", &text("request_id"), &id.to_owned())?;
    let whole = body.to_string();
    match FORBIDDEN.iter().find(|word| whole.contains(**word)) {
        Some(word) => Err(format!("the answer has {word:?}")),
        None => Ok(()),
    }
}

fn is_equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("the {what} is {found:?} and not {expected:?}"))
    }
}

fn is_not_empty(text: &str, what: &str) -> Result<(), String> {
    if text.is_empty() { Err(format!("{what} is empty")) } else { Ok(()) }
}
