//! The formats of audience files.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AudienceFormat {
    /// RFC 4180 with a header line. The columns `id`, `phone` and `timezone` describe the member.
    /// Every other column is a variable of that name.
    Csv,
    /// One JSON object a line, with `id` and optionally `phone`, `timezone` and `variables`.
    Ndjson,
}

impl AudienceFormat {
    /// The format as JSON and the database have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
