//! Documents as clients send them. A field that nobody reads is an error there, although the same
//! field of a stored document is not: newer code may have stored that document.

use serde::de::{DeserializeOwned, Deserializer};
use serde_ignored::Path;

use crate::domain::FieldError;

/// Why a document cannot be read.
#[derive(Debug)]
pub enum Unreadable<E> {
    /// The document has a field that its type does not have.
    UnknownField(FieldError),
    /// The deserializer's own error about the field at `path`; an empty path is the document.
    Malformed { path: String, error: E },
}

/// Reads a document that has no other fields than those of a `T`.
///
/// Serde reads an internally tagged enum from a copy, in which this function sees no fields. Such an
/// enum needs `deny_unknown_fields`, or has to be read as `domain/content/json.rs` does.
///
/// # Errors
/// [`Unreadable`] names the first field at fault.
pub fn deserialize_strictly<'de, T, D>(deserializer: D) -> Result<T, Unreadable<D::Error>>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let mut first_unknown = None;
    let mut note_unknown = |path: Path<'_>| {
        first_unknown.get_or_insert_with(|| json_path(&path));
    };
    let noting = serde_ignored::Deserializer::new(deserializer, &mut note_unknown);
    let read = serde_path_to_error::deserialize(noting);
    // A misspelled field is often a missing field too, and its name explains both errors.
    if let Some(field) = first_unknown {
        let detail = "is an unknown field; leave it out, or correct its name";
        return Err(Unreadable::UnknownField(FieldError::new(field, detail)));
    }
    read.map_err(|error: serde_path_to_error::Error<D::Error>| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        Unreadable::Malformed { path, error: error.into_inner() }
    })
}

/// A path as a client writes it: `variants[0].channel`.
fn json_path(path: &Path<'_>) -> String {
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", json_path(parent)),
        Path::Map { parent, key } => {
            let parent = json_path(parent);
            if parent.is_empty() { key.clone() } else { format!("{parent}.{key}") }
        }
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => json_path(parent),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{Channel, HoursConfig, Producer, Template};
    use crate::http::json_error::field_error;

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

    /// The unknown field that is named, if the document has one.
    fn unknown<T: DeserializeOwned>(document: Value) -> Option<String> {
        match deserialize_strictly::<T, _>(document) {
            Ok(_) => None,
            Err(Unreadable::UnknownField(error)) => Some(error.field),
            Err(Unreadable::Malformed { path, error }) => panic!("{path}: {error}"),
        }
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
            match deserialize_strictly::<Template, _>(document).expect_err("an error") {
                Unreadable::UnknownField(error) => (error.field, error.detail),
                Unreadable::Malformed { path, error } => {
                    let error = field_error(&path, &error.to_string());
                    (error.field, error.detail)
                }
            }
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
                "is an unknown field; leave it out, or correct its name",
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
                "is an unknown field; leave it out, or correct its name",
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
    fn an_unknown_field_of_a_tagged_enum_is_an_error_of_serde() {
        let mut document = channel();
        document["confirmation"] = json!({ "by": "receipt", "within": "1h", "wihtin": "1h" });
        let error = deserialize_strictly::<Channel, _>(document).expect_err("an error");
        assert!(
            matches!(&error, Unreadable::Malformed { error, .. }
                if error.to_string().starts_with("unknown field `wihtin`")),
            "{error:?}"
        );
    }
}
