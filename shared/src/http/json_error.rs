//! Serde's errors in words that a client understands.

use crate::domain::FieldError;

/// How serde's own messages about a value begin.
const SERDE_STARTS: [&str; 4] =
    ["unknown variant `", "invalid type: ", "invalid value: ", "invalid length "];

/// The error to show for serde's `message` about the field at `path`; an empty path is the body.
///
/// Serde's own messages name Rust types and quote the client's value. A message that a type's own
/// validation wrote is kept.
pub(super) fn field_error(path: &str, message: &str) -> FieldError {
    if let Some(name) = name_behind(message, "missing field `") {
        return FieldError::new(join(path, name), "is missing");
    }
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    if let Some(name) = name_behind(message, "unknown field `") {
        // Serde's path ends in the unknown field, except inside a tagged enum.
        let is_in_path = path == name || path.ends_with(&format!(".{name}"));
        let field = if is_in_path { path.to_owned() } else { join(path, name) };
        let known = expected.map_or("none", |known| known.trim_start_matches("one of "));
        let detail = format!("is an unknown field; known: {}", known.replace('`', ""));
        return FieldError::new(field, detail);
    }
    let detail = match expected {
        Some(expected) if SERDE_STARTS.iter().any(|start| message.starts_with(start)) => {
            format!("must be {}", in_words_of_json(expected))
        }
        Some(_) | None => message.to_owned(),
    };
    FieldError::new(if path.is_empty() { "body" } else { path }, detail)
}

/// The name between `start` and the next backtick.
fn name_behind<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.split('`').next()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What serde expected, in JSON's words.
fn in_words_of_json(expected: &str) -> String {
    let words = match expected {
        "a borrowed string" | "string or map" => "a string",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        _ if expected.starts_with("struct ") || expected.contains("tagged enum ") => "an object",
        _ => expected,
    };
    words.replace('`', "")
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Confirmation;
    use crate::ports::WakeGroup;

    fn detail<T: DeserializeOwned>(value: Value) -> String {
        let error = serde_json::from_value::<T>(value).err().expect("a fault");
        field_error("field", &error.to_string()).detail
    }

    #[test]
    fn no_detail_has_a_rust_type_or_the_clients_value() {
        assert_eq!(detail::<WakeGroup>(json!("secret")), "must be one of zero, one, two");
        assert_eq!(detail::<WakeGroup>(json!(7)), "must be a string");
        let by = detail::<Confirmation>(json!({ "by": "secret" }));
        assert_eq!(by, "must be receipt or acceptance");
        assert_eq!(detail::<Confirmation>(json!({})), "is missing");
        assert_eq!(detail::<Confirmation>(json!("secret")), "must be an object");
        assert_eq!(detail::<u8>(json!(300)), "must be a whole number from 0 to 255");
        assert_eq!(detail::<bool>(json!("a, expected b")), "must be true or false");
        assert_eq!(detail::<Vec<u8>>(json!({})), "must be a list");
    }

    #[test]
    fn a_missing_or_unknown_field_is_the_end_of_the_path() {
        let field = |path: &str, message: &str| field_error(path, message).field;
        assert_eq!(field("", "missing field `to`"), "to");
        assert_eq!(field("to", "missing field `id`"), "to.id");
        assert_eq!(field("to.id", "unknown field `id`, there are no fields"), "to.id");
        assert_eq!(field("provider", "unknown field `id`, there are no fields"), "provider.id");
        assert_eq!(field("", "invalid type: null, expected a map"), "body");
    }

    #[test]
    fn a_types_own_validation_keeps_its_words() {
        let detail = field_error("to.phone", "must have 9 to 11 digits").detail;
        assert_eq!(detail, "must have 9 to 11 digits");
    }
}
