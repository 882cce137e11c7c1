//! Groups: notifications that are listed together.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::RunKey;

/// What a notification is listed by: the run that made it, or the tag that its producer gave it. As
/// a text it is the partition of the `groups` index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(String);

impl Group {
    #[must_use]
    pub fn run(key: &RunKey) -> Self {
        Self(format!("run#{}#{}", key.schedule, key.scheduled_at))
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
