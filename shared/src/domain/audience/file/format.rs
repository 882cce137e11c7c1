//! The formats of audience files, and how long records and ids may be.

use serde::{Deserialize, Serialize};

/// The longest record, in bytes as they stand in the file, without its line break. Longer records
/// are skipped and reported.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// The longest id of a member, in bytes of UTF-8.
pub const ID_BYTES_MAX: usize = 128;

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

    /// The format as `Content-Type` has it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}
