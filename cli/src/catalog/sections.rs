//! The kinds of documents, in the order in which they need each other.

use alimi::domain::{Audience, Channel, HoursConfig, Producer, Schedule, Template};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A kind of documents: its name in a catalog file, and in the API's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Hours,
    Channels,
    Templates,
    Audiences,
    Producers,
    Schedules,
}

impl Section {
    /// Each one after those that its documents name.
    pub(crate) const ALL: [Self; 6] = [
        Self::Hours,
        Self::Channels,
        Self::Templates,
        Self::Audiences,
        Self::Producers,
        Self::Schedules,
    ];

    pub(crate) fn segment(self) -> &'static str {
        match self {
            Self::Hours => "hours",
            Self::Channels => "channels",
            Self::Templates => "templates",
            Self::Audiences => "audiences",
            Self::Producers => "producers",
            Self::Schedules => "schedules",
        }
    }

    /// The paths of the fields that the server keeps and a catalog file leaves out.
    pub(crate) fn server_fields(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Channels => &[&["receipt_secrets"]],
            Self::Audiences => &[&["source", "version"], &["source", "size"]],
            Self::Schedules => &[&["starts_at"]],
            Self::Producers => &[&["keys"]],
            Self::Hours | Self::Templates => &[],
        }
    }

    /// A document with every field that this version of Alimi gives it, in the spelling in which it
    /// stores them. A document that this version cannot read, and fields that it does not know, stay
    /// as they are.
    pub(crate) fn normalized(self, document: &Value) -> Value {
        let read = match self {
            Self::Hours => reread::<HoursConfig>(document),
            Self::Channels => reread::<Channel>(document),
            Self::Templates => reread::<Template>(document),
            Self::Audiences => reread::<Audience>(document),
            Self::Producers => reread::<Producer>(document),
            Self::Schedules => reread::<Schedule>(document),
        };
        let Some(mut normalized) = read else { return document.clone() };
        add_unknown(&mut normalized, document);
        normalized
    }
}

fn reread<T: Serialize + DeserializeOwned>(document: &Value) -> Option<Value> {
    let read: T = serde_json::from_value(document.clone()).ok()?;
    serde_json::to_value(read).ok()
}

/// Adds the fields that are in `document` only.
fn add_unknown(normalized: &mut Value, document: &Value) {
    let (Value::Object(known), Value::Object(fields)) = (normalized, document) else { return };
    for (name, value) in fields {
        match known.get_mut(name) {
            Some(own) => add_unknown(own, value),
            None if value.is_null() => {}
            None => {
                known.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Takes a field out of a document.
pub(crate) fn take(document: &mut Value, path: &[&str]) -> Option<Value> {
    let (last, folders) = path.split_last()?;
    let mut at: Option<&mut Map<String, Value>> = document.as_object_mut();
    for folder in folders {
        at = at?.get_mut(*folder)?.as_object_mut();
    }
    at?.remove(*last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_that_say_the_same_in_other_words_are_the_same() {
        let short = json!({
            "provider": { "kind": "bizppurio", "account": "a", "from": "021234" },
            "limit": { "per_second": 10, "jitter": "50ms" },
        });
        let long = json!({
            "provider": { "kind": "bizppurio", "account": "a", "from": "021234" },
            "limit": { "per_second": 10, "jitter": "PT0.05S", "strict": false },
            "timezone": "Asia/Seoul", "paused": false,
        });
        let channels = Section::Channels;
        assert_eq!(channels.normalized(&short), channels.normalized(&long));
    }

    #[test]
    fn a_field_that_only_newer_code_knows_is_not_overlooked() {
        let schedule = json!({
            "expression": "rate(1 day)", "template": "t", "audience": "a", "newer": { "x": 1 },
        });
        assert_eq!(Section::Schedules.normalized(&schedule)["newer"], json!({ "x": 1 }));
        let unreadable = json!({ "expression": { "newer": true } });
        assert_eq!(Section::Schedules.normalized(&unreadable), unreadable);
    }

    #[test]
    fn a_field_is_taken_out_at_its_path() {
        let mut document = json!({ "source": { "kind": "members", "size": 3 } });
        assert_eq!(take(&mut document, &["source", "size"]), Some(json!(3)));
        assert_eq!(take(&mut document, &["source", "size"]), None);
        assert_eq!(take(&mut document, &["absent", "size"]), None);
        assert_eq!(document, json!({ "source": { "kind": "members" } }));
    }
}
