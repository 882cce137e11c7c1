//! Identifiers. A notification's id is derived from what its producer asked for, so that asking
//! twice yields the same id and deduplication is a conditional put.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::run::RunKey;

/// Length of an id in hexadecimal digits: 15 bytes of a SHA-256, which leaves two digits for the
/// attempt within the 32 characters that providers allow for a reference key.
const ID_DIGITS: usize = 30;

/// What a request is identified by: who asks, on which route, under which idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct RequestKey<'a> {
    /// The authenticated principal, without a session name.
    pub caller: &'a str,
    /// The route, so that one key used on two routes names two requests.
    pub route: &'a str,
    /// The `Idempotency-Key` header, as sent.
    pub idempotency_key: &'a str,
}

impl RequestKey<'_> {
    /// The id of the notification at `index` in the request.
    #[must_use]
    pub fn notification_id(&self, index: usize) -> NotificationId {
        NotificationId(self.digest("notification", &index.to_string()))
    }

    /// The id of the sequence that the request creates.
    #[must_use]
    pub fn sequence_id(&self) -> SequenceId {
        SequenceId(self.digest("sequence", ""))
    }

    /// The id of the request itself: the key of a bulk request's idempotency record.
    #[must_use]
    pub fn request_id(&self) -> String {
        self.digest("request", "")
    }

    fn digest(&self, kind: &str, rest: &str) -> String {
        hex_digest(&[kind, self.caller, self.route, self.idempotency_key, rest])
    }
}

impl RunKey {
    /// The id of the notification that this run makes for a member.
    #[must_use]
    pub fn notification_id(&self, member: &str) -> NotificationId {
        let scheduled_at = self.scheduled_at.to_string();
        NotificationId(hex_digest(&["run", &self.schedule, &scheduled_at, member]))
    }

    /// What is kept on a notification in place of its request's digest: the line that made it.
    /// The same member on another line is told by it.
    #[must_use]
    pub fn digest(&self, line: u64) -> String {
        body_digest(format!("{} {} {line}", self.schedule, self.scheduled_at).as_bytes())
    }
}

/// A digest of a request's body, kept on everything that the request made: the same key with
/// another body is an error.
#[must_use]
pub fn body_digest(body: &[u8]) -> String {
    hex(&Sha256::digest(body)[..16])
}

/// Lengths go in before the parts: otherwise ("ab", "c") and ("a", "bc") would collide.
fn hex_digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex(&hasher.finalize()[..ID_DIGITS / 2])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
        text
    })
}

fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Not an id: ids are 30 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 30 lower-case hexadecimal digits")]
pub struct MalformedId;

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id's 30 hexadecimal digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = MalformedId;

            fn try_from(text: String) -> Result<Self, MalformedId> {
                if is_id(&text) { Ok(Self(text)) } else { Err(MalformedId) }
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

hex_id! {
    /// Names one notification.
    NotificationId
}

hex_id! {
    /// Names one sequence. Its steps' ids follow from it.
    SequenceId
}

impl SequenceId {
    /// The id of a step, counted from 0.
    #[must_use]
    pub fn step_id(&self, step: u8) -> NotificationId {
        NotificationId(hex_digest(&["step", &self.0, &step.to_string()]))
    }
}

/// The key under which a provider knows one attempt: the notification's id and the attempt's
/// number as two hexadecimal digits. Receipts come back with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The notification.
    pub id: NotificationId,
    /// Which of its attempts, counted from 1.
    pub attempt: u8,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:02x}", self.id, self.attempt)
    }
}

/// Not one of our reference keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a reference key of ours")]
pub struct ForeignReference;

impl FromStr for Reference {
    type Err = ForeignReference;

    fn from_str(text: &str) -> Result<Self, ForeignReference> {
        let (id, attempt) = text.split_at_checked(ID_DIGITS).ok_or(ForeignReference)?;
        if attempt.len() != 2 || !attempt.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ForeignReference);
        }
        Ok(Self {
            id: id.parse().map_err(|_| ForeignReference)?,
            attempt: u8::from_str_radix(attempt, 16).map_err(|_| ForeignReference)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: RequestKey<'_> = RequestKey {
        caller: "arn:aws:iam::1:role/shop",
        route: "POST /v1/notifications",
        idempotency_key: "order-1",
    };

    #[test]
    fn the_same_request_names_the_same_notification() {
        assert_eq!(KEY.notification_id(0), KEY.notification_id(0));
    }

    #[test]
    fn caller_route_key_index_and_kind_all_tell_ids_apart() {
        let ids = [
            KEY.notification_id(0).to_string(),
            KEY.notification_id(1).to_string(),
            RequestKey { caller: "other", ..KEY }.notification_id(0).to_string(),
            RequestKey { route: "POST /v1/sequences", ..KEY }.notification_id(0).to_string(),
            RequestKey { idempotency_key: "order-2", ..KEY }.notification_id(0).to_string(),
            KEY.sequence_id().to_string(),
            KEY.sequence_id().step_id(0).to_string(),
            KEY.sequence_id().step_id(1).to_string(),
            KEY.request_id(),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(ids.iter().all(|id| is_id(id)));
    }

    #[test]
    fn a_shifted_boundary_between_the_parts_is_another_request() {
        let one = RequestKey { caller: "ab", route: "c", ..KEY };
        let two = RequestKey { caller: "a", route: "bc", ..KEY };
        assert_ne!(one.notification_id(0), two.notification_id(0));
    }

    proptest! {
        #[test]
        fn a_reference_reads_back_as_it_was_written(key in ".*", attempt: u8) {
            let id = RequestKey { idempotency_key: &key, ..KEY }.notification_id(0);
            let reference = Reference { id, attempt };
            prop_assert_eq!(reference.to_string().len(), 32);
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC*") {
            let _parsed: Result<Reference, _> = text.parse();
        }
    }
}
