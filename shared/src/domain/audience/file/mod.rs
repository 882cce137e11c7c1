//! Audience files: members as CSV or NDJSON, read from bytes that come in chunks of any size.
//!
//! A record at fault is reported with its line, and reading continues with the next record.

mod csv;
mod fault;
mod format;
mod limits;
mod member;
mod ndjson;
mod reader;
mod record;
mod source;
mod unreadable;

pub use self::fault::BadLine;
pub use self::format::AudienceFormat;
pub use self::limits::{ID_BYTES_MAX, RECORD_BYTES_MAX};
pub use self::member::Member;
pub use self::reader::{MemberReader, ResumePoint};
pub use self::record::Record;
pub use self::unreadable::UnreadableFile;
