//! Files of audiences in S3.

use async_trait::async_trait;
use bytes::Bytes;

use super::error::PortError;

/// One version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// S3's identifier of the content.
    pub etag: String,
    /// The file's length.
    pub bytes: u64,
}

/// The result of reading part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePart {
    /// The bytes from the offset on: as many as were asked for, or fewer at the file's end.
    Bytes(Bytes),
    /// The file was deleted, or its content has changed.
    Gone,
}

#[async_trait]
pub trait AudienceFiles: Send + Sync {
    /// The file's present state; `None` when the file does not exist or may not be read.
    async fn file_state(&self, bucket: &str, key: &str) -> Result<Option<FileState>, PortError>;

    /// Reads from an offset, while the content is still the one of `etag`.
    async fn read_file(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        offset: u64,
        length: u64,
    ) -> Result<FilePart, PortError>;
}
