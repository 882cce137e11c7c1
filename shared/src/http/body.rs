//! JSON bodies of requests.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::json_text::parse_json;
use super::strict::read_strictly;
use crate::domain::FieldError;
use crate::domain::id::content_digest;

/// A JSON body of any shape. No object in it has a member twice.
#[derive(Clone, PartialEq)]
pub struct Body(pub Value);

impl Body {
    /// Parses JSON of any shape.
    ///
    /// # Errors
    /// Names the member at fault, or the field `body`, and quotes none of the content.
    pub fn parse(bytes: &[u8]) -> Result<Self, FieldError> {
        parse_json(bytes).map(Self)
    }

    /// Converts the body to a `T`. A field that `T` does not have is an error, and so is a list where
    /// an object belongs.
    ///
    /// # Errors
    /// Names the field at fault by its path: `to.phone`, `steps[1].template`.
    pub fn deserialize<T: DeserializeOwned>(self) -> Result<T, FieldError> {
        read_strictly(self.0)
    }
}

/// The digest of a body's meaning: white space and the order of an object's members do not count.
#[must_use]
pub fn canonical_digest(body: &Body) -> String {
    let mut value = body.0.clone();
    value.sort_all_objects();
    content_digest(value.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> String {
        canonical_digest(&Body::parse(text.as_bytes()).expect("JSON"))
    }

    #[test]
    fn the_digest_ignores_white_space_and_the_order_of_members() {
        assert_eq!(
            digest(r#"{"a":1,"b":{"c":2,"d":3}}"#),
            digest(r#"{ "b":{"d":3,"c":2}, "a":1 }"#)
        );
    }

    #[test]
    fn the_digest_depends_on_every_value_and_on_the_order_of_items() {
        assert_ne!(digest("[1,2]"), digest("[2,1]"));
        assert_ne!(digest(r#"{"a":1}"#), digest(r#"{"a":"1"}"#));
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
    fn a_fault_is_reported_with_its_path_and_what_to_send_instead() {
        let error = |text: &str| {
            let body = Body::parse(text.as_bytes()).expect("JSON");
            let error = body.deserialize::<Outer>().expect_err("a fault");
            (error.field, error.detail)
        };
        let expect = |text: &str, field: &str, detail: &str| {
            assert_eq!(error(text), (field.to_owned(), detail.to_owned()), "{text}");
        };
        expect(r"{}", "to", "is missing");
        expect(r#"{"to":{}}"#, "to.id", "is missing");
        expect(r#"{"to":{"id":1}}"#, "to.id", "must be a string");
        expect(r#"{"to":{"id":"x","ph":"1"}}"#, "to.ph", "is an unknown field; known: id");
        expect(r#"{"to":{"id":"x"},"cc":1}"#, "cc", "is an unknown field; known: to");
        expect("[]", "body", "must be an object");
    }

    #[test]
    fn a_field_that_a_stored_document_may_have_is_an_error_in_a_body() {
        let text = r#"{
            "provider": { "kind": "simulated" }, "limit": { "per_second": 1, "jittr": "1s" }
        }"#;
        let body = Body::parse(text.as_bytes()).expect("JSON");
        let error = body.deserialize::<crate::domain::Channel>().expect_err("a fault");
        assert_eq!(error.field, "limit.jittr");
        assert_eq!(error.detail, "is an unknown field; known: per_second, jitter, strict");
    }
}
