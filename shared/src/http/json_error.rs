//! Errors of the strict reader, in words that a client understands.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use crate::domain::FieldError;
use crate::domain::shown::shown;

/// What is wrong with one part of a document. The path grows while the error returns from the part
/// to the whole document.
#[derive(Debug)]
pub(super) struct ReadError {
    /// Empty while the error concerns the whole part.
    path: String,
    detail: String,
}

impl ReadError {
    pub(super) fn new(detail: impl Into<String>) -> Self {
        Self { path: String::new(), detail: detail.into() }
    }

    /// The same error in the member `name` of an object.
    pub(super) fn under_name(self, name: &str) -> Self {
        self.under(&shown(name))
    }

    /// The same error in an item of a list.
    pub(super) fn under_index(self, index: usize) -> Self {
        self.under(&format!("[{index}]"))
    }

    /// An unknown member of an object.
    pub(super) fn unknown(name: &str, known: &[&str]) -> Self {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Self::new(format!("is an unknown field; known: {known}")).under_name(name)
    }

    pub(super) fn into_field_error(self) -> FieldError {
        let Self { path, detail } = self;
        FieldError::new(if path.is_empty() { "body".to_owned() } else { path }, detail)
    }

    fn under(self, outer: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        Self { path: format!("{outer}{separator}{}", self.path), ..self }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.detail)
    }
}

impl std::error::Error for ReadError {}

/// Serde's own messages would name Rust's types and quote the client's values.
impl Error for ReadError {
    /// The words of a type's own check are kept.
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("must be {}", in_words_of_json(&expected.to_string())))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let must = Self::invalid_type(unexpected, expected).detail;
        // A number is out of its range. A text is not quoted: it may be personal.
        if let Unexpected::Unsigned(number) = unexpected {
            Self::new(format!("is {number}; {must}"))
        } else if let Unexpected::Signed(number) = unexpected {
            Self::new(format!("is {number}; {must}"))
        } else {
            Self::new(must)
        }
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let must = Self::invalid_type(Unexpected::Seq, expected).detail;
        Self::new(format!("has {length} items; {must}"))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(one_of(known))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::unknown(name, known)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new("is missing").under_name(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::new(TWICE).under_name(name)
    }
}

/// The detail of a member that an object has twice.
pub(super) const TWICE: &str = "is given twice; must be given once";

/// What a text that names one of these must be.
pub(super) fn one_of(known: &[&str]) -> String {
    match known {
        [] => "must be left out".to_owned(),
        [only] => format!("must be {only}"),
        [first, second] => format!("must be {first} or {second}"),
        more => format!("must be one of {}", more.join(", ")),
    }
}

/// What serde expected, in JSON's words.
fn in_words_of_json(expected: &str) -> &str {
    match expected {
        "a borrowed string" | "string or map" => "a string",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_grows_from_the_part_to_the_whole() {
        let error = ReadError::new("is wrong").under_index(2).under_name("b").under_index(1);
        let error = error.under_name("a").into_field_error();
        assert_eq!(error.to_string(), "a[1].b[2]: is wrong");
        assert_eq!(ReadError::new("is wrong").into_field_error().field, "body");
        assert_eq!(ReadError::new("is wrong").under_index(0).into_field_error().field, "[0]");
    }

    #[test]
    fn a_clients_long_name_is_cut() {
        let error = ReadError::unknown(&"x".repeat(1_000), &["to"]).into_field_error();
        assert_eq!(error.field, format!("{}…", "x".repeat(64)));
    }

    #[test]
    fn a_choice_is_named_with_all_its_values() {
        assert_eq!(one_of(&["a", "b"]), "must be a or b");
        assert_eq!(one_of(&["a", "b", "c"]), "must be one of a, b, c");
    }
}
