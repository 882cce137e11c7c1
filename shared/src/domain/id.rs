//! Identifiers, and the keys that they are derived from.
//!
//! A notification's id is a hash of the request or the run that asks for it. The same request
//! always gives the same id, so a conditional put finds duplicates.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::name::is_name;

/// Length of an id in hexadecimal digits: 15 bytes of a SHA-256. Providers allow 32 characters for
/// a reference key, so two digits are left for the attempt.
const ID_DIGITS: usize = 30;

/// Identifies a producer's request.
#[derive(Clone, Copy, Debug)]
pub struct RequestKey<'a> {
    /// The producer's name.
    pub producer: &'a str,
    /// One idempotency key used on two routes names two requests.
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

    #[must_use]
    pub fn sequence_id(&self) -> SequenceId {
        SequenceId(self.digest("sequence", ""))
    }

    fn digest(&self, kind: &str, rest: &str) -> String {
        hex_digest(&[kind, self.producer, self.route, self.idempotency_key, rest])
    }
}

/// Identifies a run by its schedule and its scheduled time. However often and however late that
/// time fires, it names the same run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunKey {
    pub schedule: String,
    /// In whole seconds.
    pub scheduled_at: Timestamp,
}

impl RunKey {
    /// Fractions of a second are dropped, because schedules have none: a time names the same run
    /// with and without them.
    #[must_use]
    pub fn new(schedule: impl Into<String>, scheduled_at: Timestamp) -> Self {
        let whole = Timestamp::from_second(scheduled_at.as_second()).unwrap_or(scheduled_at);
        Self { schedule: schedule.into(), scheduled_at: whole }
    }

    /// The id of the notification that this run makes for a member.
    #[must_use]
    pub fn notification_id(&self, member: &str) -> NotificationId {
        let scheduled_at = self.scheduled_at.to_string();
        NotificationId(hex_digest(&["run", &self.schedule, &scheduled_at, member]))
    }

    /// A run's notification keeps this in place of a request's digest. It depends on the line that
    /// the member stands on, so the same member on another line is recognised as a duplicate.
    #[must_use]
    pub fn digest(&self, line: u64) -> String {
        content_digest(format!("{} {} {line}", self.schedule, self.scheduled_at).as_bytes())
    }
}

/// The run's id as clients have it: the schedule's name, `@`, and the scheduled time.
impl fmt::Display for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.schedule, self.scheduled_at)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the id of a run: the schedule's name, @, and the scheduled time, such as \
     daily@2026-03-02T01:00:00Z"
)]
pub struct MalformedRunId;

impl FromStr for RunKey {
    type Err = MalformedRunId;

    fn from_str(text: &str) -> Result<Self, MalformedRunId> {
        let (schedule, at) = text.split_once('@').ok_or(MalformedRunId)?;
        let at: Timestamp = at.parse().map_err(|_| MalformedRunId)?;
        if is_name(schedule) { Ok(Self::new(schedule, at)) } else { Err(MalformedRunId) }
    }
}

/// A digest of a request's body, of an upload, or of a run and a line. Everything that was created
/// from the content keeps the digest, because the same key with other content is an error.
#[must_use]
pub fn content_digest(content: &[u8]) -> String {
    hex(&Sha256::digest(content)[..16])
}

/// A digest of several texts, in as many hexadecimal digits as an id has.
#[must_use]
pub fn digest_of(parts: &[&str]) -> String {
    hex_digest(parts)
}

/// Hashes each part's length before the part. Otherwise ("ab", "c") and ("a", "bc") would collide.
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
    NotificationId
}

hex_id! {
    /// The ids of the sequence's notifications are derived from this one.
    SequenceId
}

impl SequenceId {
    /// The id of the notification at `index` in a step. Both are counted from 0.
    #[must_use]
    pub fn notification_id(&self, step: u8, index: usize) -> NotificationId {
        NotificationId(hex_digest(&["step", &self.0, &step.to_string(), &index.to_string()]))
    }
}

/// The key under which a provider knows one attempt: the notification's id, then the attempt's
/// number in two hexadecimal digits. Receipts name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    pub id: NotificationId,
    /// The number of the attempt, counted from 1.
    pub attempt: u8,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:02x}", self.id, self.attempt)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a reference key that Alimi made")]
pub struct ForeignReference;

impl TryFrom<String> for Reference {
    type Error = ForeignReference;

    fn try_from(text: String) -> Result<Self, ForeignReference> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

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
        producer: "shop",
        route: "POST /v1/notifications",
        idempotency_key: "order-1",
    };

    #[test]
    fn the_same_request_gives_the_same_id() {
        assert_eq!(KEY.notification_id(0), KEY.notification_id(0));
    }

    #[test]
    fn ids_differ_by_producer_route_key_index_and_kind() {
        let ids = [
            KEY.notification_id(0).to_string(),
            KEY.notification_id(1).to_string(),
            RequestKey { producer: "other", ..KEY }.notification_id(0).to_string(),
            RequestKey { route: "POST /v1/sequences", ..KEY }.notification_id(0).to_string(),
            RequestKey { idempotency_key: "order-2", ..KEY }.notification_id(0).to_string(),
            KEY.sequence_id().to_string(),
            KEY.sequence_id().notification_id(0, 0).to_string(),
            KEY.sequence_id().notification_id(0, 1).to_string(),
            KEY.sequence_id().notification_id(1, 0).to_string(),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(ids.iter().all(|id| is_id(id)));
    }

    #[test]
    fn moving_a_character_from_one_part_to_the_next_gives_another_id() {
        let one = RequestKey { producer: "ab", route: "c", ..KEY };
        let two = RequestKey { producer: "a", route: "bc", ..KEY };
        assert_ne!(one.notification_id(0), two.notification_id(0));
    }

    #[test]
    fn a_time_names_the_same_run_with_and_without_fractions_of_a_second() {
        let at = |text: &str| RunKey::new("daily", text.parse().expect("a time"));
        assert_eq!(at("2026-03-02T01:00:00Z"), at("2026-03-02T01:00:00.000Z"));
        assert_eq!(at("2026-03-02T01:00:00Z"), at("2026-03-02T10:00:00.25+09:00"));
        assert_ne!(at("2026-03-02T01:00:00Z"), at("2026-03-02T01:00:01Z"));
        let (one, other) = (at("2026-03-02T01:00:00Z"), at("2026-03-02T01:00:00.9Z"));
        assert_eq!(one.notification_id("member"), other.notification_id("member"));
    }

    #[test]
    fn a_runs_id_is_its_schedule_and_its_time() {
        let run = RunKey::new("daily", "2026-03-02T01:00:00Z".parse().expect("a time"));
        assert_eq!(run.to_string(), "daily@2026-03-02T01:00:00Z");
        for text in ["daily@2026-03-02T01:00:00Z", "daily@2026-03-02T10:00:00+09:00"] {
            assert_eq!(text.parse(), Ok(run.clone()), "{text}");
        }
        for text in ["", "daily", "daily@", "@2026-03-02T01:00:00Z", "A@2026-03-02T01:00:00Z"] {
            assert_eq!(text.parse::<RunKey>(), Err(MalformedRunId), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_reference_key_is_parsed_back_to_the_same_reference(key in ".*", attempt: u8) {
            let id = RequestKey { idempotency_key: &key, ..KEY }.notification_id(0);
            let reference = Reference { id, attempt };
            prop_assert_eq!(reference.to_string().len(), 32);
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC*") {
            let _parsed: Result<Reference, _> = text.parse();
        }
    }
}
