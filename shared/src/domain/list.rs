//! What notifications are listed by.

use super::field_error::FieldError;
use super::group::{Group, MUST_BE_A_TAG, is_tag};
use super::id::RunKey;

/// The most bytes of a recipient's id or of an event's id that a list is asked for.
const ID_BYTES_MAX: usize = 256;

/// One index and one partition of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedBy {
    /// All messages to one recipient, by the id that their producers gave.
    Recipient(String),
    Group(Group),
}

impl ListedBy {
    /// The names that [`Self::read`] knows.
    pub const NAMES: [&'static str; 4] = ["recipient", "run", "event", "tag"];

    /// What a producer asks for: the list's name and the value that it gives. A tag is one of the
    /// producer's own.
    ///
    /// # Errors
    /// The value is none that a notification can be listed by. The field is the list's name.
    pub fn read(name: &str, value: &str, owner: &str) -> Result<Self, FieldError> {
        match name {
            "recipient" => Ok(Self::Recipient(id(name, value)?)),
            "run" => {
                let key: RunKey =
                    value.parse().map_err(|error| FieldError::new(name, format!("{error}")))?;
                Ok(Self::Group(Group::run(&key)))
            }
            "event" => Ok(Self::Group(Group::event(&id(name, value)?))),
            "tag" if is_tag(value) => Ok(Self::Group(Group::tag(owner, value))),
            "tag" => Err(FieldError::new(name, MUST_BE_A_TAG)),
            other => {
                Err(FieldError::new(other, format!("must be one of {}", Self::NAMES.join(", "))))
            }
        }
    }
}

fn id(name: &str, value: &str) -> Result<String, FieldError> {
    let bytes = value.len();
    if (1..=ID_BYTES_MAX).contains(&bytes) {
        Ok(value.to_owned())
    } else {
        Err(FieldError::new(name, format!("has {bytes} bytes; must have 1 to {ID_BYTES_MAX}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_named_by_what_its_notifications_have_in_common() {
        let read = |name, value| ListedBy::read(name, value, "shop");
        assert_eq!(read("recipient", "u 1"), Ok(ListedBy::Recipient("u 1".into())));
        let group = |name, value| match read(name, value) {
            Ok(ListedBy::Group(group)) => group.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(group("tag", "spring"), "tag#shop#spring");
        assert_eq!(group("event", "a#b"), "event#a#b");
        let expected = "run#daily#2026-03-02T01:00:00Z";
        assert_eq!(group("run", "daily@2026-03-02T01:00:00Z"), expected);
        assert_eq!(group("run", "daily@2026-03-02T10:00:00+09:00"), expected);
    }

    #[test]
    fn a_value_that_nothing_can_be_listed_by_is_refused_by_its_name() {
        let long = "x".repeat(257);
        for (name, value) in [
            ("recipient", ""),
            ("recipient", long.as_str()),
            ("event", ""),
            ("event", long.as_str()),
            ("run", "daily"),
            ("run", "daily@noon"),
            ("run", "DAILY@2026-03-02T01:00:00Z"),
            ("run", "@2026-03-02T01:00:00Z"),
            ("tag", ""),
            ("tag", "shop#spring"),
            ("owner", "shop"),
        ] {
            let error = ListedBy::read(name, value, "shop").expect_err(value);
            assert_eq!(error.field, name, "{value}");
        }
    }
}
