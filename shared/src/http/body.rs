//! JSON bodies, read with the path of the field at fault.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::delivery::FieldError;
use crate::domain::id::body_digest;

/// A JSON body that has been read.
#[derive(Clone, PartialEq)]
pub struct Body(pub Value);

/// Why a value cannot be read. Holds none of the value's content.
pub type BodyError = FieldError;

impl Body {
    /// Reads JSON of any shape.
    ///
    /// # Errors
    /// Names `body`, with the position.
    pub fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        serde_json::from_slice(bytes).map(Self).map_err(|error| {
            let detail = format!("is not JSON (line {}, column {})", error.line(), error.column());
            FieldError::new("body", detail)
        })
    }

    /// Takes the value as a `T`.
    ///
    /// # Errors
    /// Names the field at fault as a path.
    pub fn take<T: DeserializeOwned>(self) -> Result<T, BodyError> {
        serde_path_to_error::deserialize(self.0).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            let detail = error.into_inner().to_string();
            let field = match (path.as_str(), named_member(&detail)) {
                ("", Some(member)) => member.to_owned(),
                ("", None) => "body".to_owned(),
                // For an unknown member the path ends in it already.
                (path, Some(member)) if !path.ends_with(member) => format!("{path}.{member}"),
                (path, _) => path.to_owned(),
            };
            FieldError::new(field, detail)
        })
    }
}

/// The member that serde says is missing or unknown.
fn named_member(detail: &str) -> Option<&str> {
    let rest = ["missing field `", "unknown field `"]
        .iter()
        .find_map(|start| detail.strip_prefix(start))?;
    rest.split('`').next()
}

/// The digest of a body's meaning: spaces and the order of an object's members do not count.
#[must_use]
pub fn canonical_digest(body: &Body) -> String {
    let mut value = body.0.clone();
    value.sort_all_objects();
    body_digest(value.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> String {
        canonical_digest(&Body::read(text.as_bytes()).expect("JSON"))
    }

    #[test]
    fn the_order_of_members_and_spaces_do_not_count() {
        assert_eq!(
            digest(r#"{"a":1,"b":{"c":2,"d":3}}"#),
            digest(r#"{ "b":{"d":3,"c":2}, "a":1 }"#)
        );
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading matters")]
    struct Outer {
        to: Inner,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading matters")]
    struct Inner {
        id: String,
    }

    #[test]
    fn the_field_at_fault_is_named_by_its_path() {
        let field = |text: &str| {
            let body = Body::read(text.as_bytes()).expect("JSON");
            body.take::<Outer>().expect_err("a fault").field
        };
        assert_eq!(field(r"{}"), "to");
        assert_eq!(field(r#"{"to":{}}"#), "to.id");
        assert_eq!(field(r#"{"to":{"id":1}}"#), "to.id");
        assert_eq!(field(r#"{"to":{"id":"x","ph":"1"}}"#), "to.ph");
        assert_eq!(field(r#"{"to":{"id":"x"},"cc":1}"#), "cc");
        assert_eq!(field("[]"), "body");
    }

    #[test]
    fn the_order_of_items_and_every_value_do_count() {
        assert_ne!(digest("[1,2]"), digest("[2,1]"));
        assert_ne!(digest(r#"{"a":1}"#), digest(r#"{"a":"1"}"#));
    }
}
