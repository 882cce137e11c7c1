//! Audience files: members as CSV or NDJSON, read from bytes that come in chunks of any size.
//!
//! A record at fault is reported with its line, and reading continues with the next record.

mod csv;
mod fault;
mod format;
mod member;
mod ndjson;
mod reader;
mod source;
mod unreadable;

pub use self::fault::BadLine;
pub use self::format::{AudienceFormat, ID_BYTES_MAX, RECORD_BYTES_MAX};
pub use self::member::{Member, Record};
pub use self::reader::{MemberReader, ResumePoint};
pub use self::unreadable::UnreadableFile;
