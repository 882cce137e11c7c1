//! How long records and ids may be.

/// The longest record, in bytes as they stand in the file, without its line break. Longer records
/// are skipped and reported.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// The longest id of a member, in bytes of UTF-8.
pub const ID_BYTES_MAX: usize = 128;
