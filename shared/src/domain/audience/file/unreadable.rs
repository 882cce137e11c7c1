//! Files from which no member can be read.

use super::format::RECORD_BYTES_MAX;

/// Why a whole file cannot be read, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableFile {
    /// The file has nothing but blank lines.
    #[error("the file is empty: CSV must start with a header line, NDJSON must hold an object")]
    Empty,
    /// Usually a spreadsheet was exported in its country's own encoding.
    #[error("the header line is not UTF-8: save the file as UTF-8 (Excel: \"CSV UTF-8\")")]
    HeaderNotUtf8,
    /// The file is not CSV, or a quote is missing.
    #[error("the header line is longer than {RECORD_BYTES_MAX} bytes: is the file CSV?")]
    HeaderTooLong,
    /// A quote in the header line stands where RFC 4180 allows none, or never closes.
    #[error(
        "the header line's quotes do not match: write a column's name as \"…\", and a quote within it twice"
    )]
    HeaderMisquoted,
    #[error("column {position} of the header line has no name: name it, or remove the column")]
    UnnamedColumn {
        /// The column's number, counted from 1.
        position: usize,
    },
    #[error("the header line names the column {name} twice: rename or remove one of the two")]
    DuplicateColumn {
        /// The name, shortened when it is long.
        name: String,
    },
    /// No column identifies the members.
    #[error(
        "the header line has no column named id: write id in lower case, and commas between the columns"
    )]
    NoIdColumn,
}
