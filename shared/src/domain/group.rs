//! Groups: notifications that are listed together.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::RunKey;

const TAG_CHARACTERS_MAX: usize = 64;

/// What [`is_tag`] asks of a text.
pub const MUST_BE_A_TAG: &str = "must be 1 to 64 characters of A-Z, a-z, 0-9, ., _ and -";

/// Whether a text can be a tag. A tag is part of an index key, whose parts are separated by `#`.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    (1..=TAG_CHARACTERS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// What a notification is listed by: the run or the event that made it, or the tag that its producer
/// gave it. As a text it is the partition of the `groups` index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(String);

impl Group {
    #[must_use]
    pub fn run(key: &RunKey) -> Self {
        Self(format!("run#{}#{}", key.schedule, key.scheduled_at))
    }

    /// The event may have led to messages of several owners.
    #[must_use]
    pub fn event(id: &str) -> Self {
        Self(format!("event#{id}"))
    }

    /// The owner is part of the group, so producers cannot meet in one group.
    #[must_use]
    pub fn tag(owner: &str, tag: &str) -> Self {
        Self(format!("tag#{owner}#{tag}"))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
