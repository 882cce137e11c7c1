//! JSON texts that clients send. The errors quote nothing of the content.

use serde_json::Value;
use serde_json::error::Category;

use super::json_tree::{NoTree, read_tree};
use crate::domain::FieldError;

/// Parses a JSON text strictly: UTF-8, one value, no member twice, and not nested too deeply.
///
/// # Errors
/// Names the member at fault by its path, or the field `body`.
pub(super) fn parse_json(text: &[u8]) -> Result<Value, FieldError> {
    let fault = |detail: String| Err(FieldError::new("body", detail));
    let text = match str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to() + 1;
            return fault(format!("is not UTF-8 at byte {at}; must be JSON in UTF-8"));
        }
    };
    if text.trim_ascii().is_empty() {
        return fault("is missing; must be a JSON value".to_owned());
    }
    if text.starts_with('\u{feff}') {
        return fault("begins with a byte order mark; must begin with the JSON value".to_owned());
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = match read_tree(&mut parser) {
        Ok(value) => value,
        Err(NoTree::Fault(fault)) => return Err(fault.into_field_error()),
        Err(NoTree::Malformed(error)) => return fault(malformed(&error)),
    };
    match parser.end() {
        Ok(()) => Ok(value),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            fault(format!(
                "has more text after the JSON value, at line {line}, column {column}; must be one \
                 JSON value"
            ))
        }
    }
}

fn malformed(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Eof => "ends within a JSON value; must be complete".to_owned(),
        Category::Syntax if error.to_string().starts_with("number out of range") => {
            format!("has a number that is too large, at {place}; must have smaller numbers")
        }
        Category::Syntax | Category::Data | Category::Io => {
            format!("is not valid JSON at {place}; must be one JSON value")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(text: &str) -> String {
        parse_json(text.as_bytes()).expect_err("a fault").to_string()
    }

    #[test]
    fn a_json_text_is_read_as_it_is_written() {
        let text = r#"{"a":[1,-2,1.5,18446744073709551615,null,true,"가"],"b":{"a":{}}}"#;
        let value = parse_json(text.as_bytes()).expect("a value");
        assert_eq!(value.to_string(), text);
        assert_eq!(parse_json(b" 7 ").expect("a value"), json!(7));
    }

    #[test]
    fn a_member_that_is_there_twice_is_named_at_every_depth() {
        let twice = "is given twice; must be given once";
        for (text, path) in [
            (r#"{"a":1,"a":1}"#, "a"),
            (r#"{"a":{"b":1,"c":2,"b":3}}"#, "a.b"),
            (r#"[{},{"a":[{"b":1,"b":2}]}]"#, "[1].a[0].b"),
            // The same name in other spellings.
            (r#"{"a":1,"\u0061":2}"#, "a"),
        ] {
            assert_eq!(fault(text), format!("{path}: {twice}"), "{text}");
        }
        // One name in two objects is no fault.
        assert!(parse_json(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn a_text_that_is_not_one_json_value_is_refused_with_the_cause() {
        for (text, start) in [
            ("", "body: is missing"),
            (" \n", "body: is missing"),
            ("{\"a\":", "body: ends within a JSON value"),
            ("{\"a\" 1}", "body: is not valid JSON at line 1, column 6"),
            ("{\n\"a\": x}", "body: is not valid JSON at line 2, column 6"),
            ("{} {}", "body: has more text after the JSON value, at line 1, column 4"),
            ("\u{feff}{}", "body: begins with a byte order mark"),
            ("{\"a\":1e999}", "body: has a number that is too large"),
            ("{\"a\":[1e20]}", "a[0]: is a number that would lose digits"),
            ("{\"a\":12345678901234567890123}", "a: is a number that would lose digits"),
            ("NaN", "body: is not valid JSON"),
            ("{'a':1}", "body: is not valid JSON"),
            ("{\"a\":1,}", "body: is not valid JSON"),
            ("\"\\ud800\"", "body: is not valid JSON"),
        ] {
            assert!(fault(text).starts_with(start), "{text}: {}", fault(text));
        }
        let not_utf8 = parse_json(b"{\"a\":\"\xff\"}").expect_err("a fault").to_string();
        assert_eq!(not_utf8, "body: is not UTF-8 at byte 7; must be JSON in UTF-8");
    }

    #[test]
    fn a_text_is_nested_within_limits() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse_json(nested(32).as_bytes()).is_ok());
        for levels in [33, 200, 100_000] {
            let fault = fault(&nested(levels));
            assert!(fault.ends_with("is nested too deeply; must be within 32 levels"), "{fault}");
        }
        let path = fault(&format!("{{\"data\":{}}}", nested(32)));
        assert!(path.starts_with("data[0][0]"), "{path}");
    }
}
