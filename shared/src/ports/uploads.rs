//! Uploads of audiences, and the parts that they come in.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::error::PortError;
use super::saved::Saved;

/// One part of an upload: consecutive lines of the file. Its content never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadPart {
    /// The part's first line, counted from 1 over all parts.
    pub first_line: u64,
    /// How many lines the part has.
    pub lines: u64,
    /// A digest of the part's bytes. Other content under the same first line is refused.
    pub digest: String,
    /// How many members the part has; known once they are stored.
    pub members: u64,
    /// All members of the part are stored.
    pub is_stored: bool,
    /// The part is the last one and no earlier part is missing: the upload is complete and takes no
    /// more parts.
    pub is_last: bool,
}

/// The record of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRecord {
    pub audience: String,
    pub version: String,
    /// When the upload was last seen in use.
    pub used_at_ms: i64,
    pub is_being_discarded: bool,
}

#[async_trait]
pub trait Uploads: Send + Sync {
    /// Records a part, once before its members are stored and once after. `is_stored` and `is_last`
    /// never return to `false`. [`Saved::Conflict`] when the part's first line is recorded with
    /// another digest.
    async fn record_part(
        &self,
        audience: &str,
        version: &str,
        part: &UploadPart,
    ) -> Result<Saved, PortError>;

    /// An upload's parts in the order of their first lines.
    async fn parts(&self, audience: &str, version: &str) -> Result<Vec<UploadPart>, PortError>;

    /// Records that an upload is in use, before anything of it is stored. [`Saved::Conflict`] while
    /// the upload is being discarded.
    async fn record_use(
        &self,
        audience: &str,
        version: &str,
        at_ms: i64,
    ) -> Result<Saved, PortError>;

    /// Uploads in a fixed order, starting behind `after`.
    async fn uploads(
        &self,
        after: Option<&UploadRecord>,
        limit: usize,
    ) -> Result<Vec<UploadRecord>, PortError>;

    /// Marks an upload as being discarded, so that nothing is added to it any more.
    /// [`Saved::Conflict`] when it was used since `record` was read.
    async fn begin_discarding(&self, record: &UploadRecord) -> Result<Saved, PortError>;

    /// Deletes an upload's parts and its record. Call this once its members are gone.
    async fn delete_upload_record(&self, audience: &str, version: &str) -> Result<(), PortError>;
}
