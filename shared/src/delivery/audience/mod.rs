//! Audiences in pages: whoever goes through one never holds more than a page of it, wherever its
//! members are.

mod estimate;
mod file;
mod stored;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;

use self::file::FilePages;
use self::stored::StoredPages;
use crate::domain::Audience;
use crate::domain::audience::file::Record;
use crate::domain::audience::{AudienceSource, PinnedAudience};
use crate::ports::PortError;
use crate::ports::scheduling::{AudienceFiles, Members};

/// Some of an audience, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudiencePage {
    /// The members, and the lines that are none.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` when this was the last one.
    pub next: Option<String>,
    /// The file ends within its last record, which is here if the page has any: most of all when
    /// the file is not whole.
    pub is_cut_off: bool,
}

/// Why an audience cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AudienceError {
    /// It may work another time.
    #[error(transparent)]
    Port(PortError),
    /// It never will, as it is: why. Quotes nothing of a member.
    #[error("{0}")]
    Unreadable(String),
}

impl From<PortError> for AudienceError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Unavailable { .. } => Self::Port(error),
            PortError::Corrupt { .. } => Self::Unreadable(error.to_string()),
        }
    }
}

/// Goes through an audience.
#[async_trait]
pub trait AudiencePages: Send {
    /// The next page, of `limit` records at most.
    ///
    /// # Errors
    /// [`AudienceError`]. Asking the same value again is of no use: open the audience again, where
    /// the last page ended.
    async fn next_page(&mut self, limit: usize) -> Result<AudiencePage, AudienceError>;
}

/// Audiences, from both of their sources.
#[derive(Clone)]
pub struct Audiences {
    /// Members that were uploaded.
    pub members: Arc<dyn Members>,
    /// Files in S3.
    pub files: Arc<dyn AudienceFiles>,
    /// How much of a file is read at once, in bytes.
    pub part_bytes: u64,
}

impl Audiences {
    /// What is read of a file at once, unless configured otherwise: 256 KiB.
    pub const PART_BYTES: u64 = 256 * 1024;

    /// The audience as it is now, to be read to its end whatever changes meanwhile.
    ///
    /// # Errors
    /// [`AudienceError::Unreadable`] when there is nothing to be read.
    pub async fn pin(&self, audience: &Audience) -> Result<PinnedAudience, AudienceError> {
        match &audience.source {
            AudienceSource::Members { version: None, .. } => Err(AudienceError::Unreadable(
                format!("nothing was uploaded to the audience {:?} yet", audience.name),
            )),
            AudienceSource::Members { version: Some(version), size } => {
                Ok(PinnedAudience::Members {
                    audience: audience.name.clone(),
                    version: version.clone(),
                    size: *size,
                })
            }
            AudienceSource::S3 { bucket, key, format } => {
                let state = self.files.file_state(bucket, key).await?.ok_or_else(|| {
                    AudienceError::Unreadable(format!(
                        "the file s3://{bucket}/{key} is not there, or may not be read"
                    ))
                })?;
                Ok(PinnedAudience::S3 {
                    bucket: bucket.clone(),
                    key: key.clone(),
                    format: *format,
                    etag: state.etag,
                    bytes: state.bytes,
                })
            }
        }
    }

    /// Opens an audience at its beginning, or where a page ended.
    ///
    /// # Errors
    /// [`AudienceError::Unreadable`] when `from` is no such place.
    pub fn open(
        &self,
        pinned: &PinnedAudience,
        from: Option<&str>,
    ) -> Result<Box<dyn AudiencePages>, AudienceError> {
        Ok(match pinned {
            PinnedAudience::Members { audience, version, size: _ } => {
                Box::new(StoredPages::new(self.members.clone(), audience, version, from))
            }
            PinnedAudience::S3 { bucket, key, format, etag, bytes } => {
                let place = file::Place {
                    bucket: bucket.clone(),
                    key: key.clone(),
                    etag: etag.clone(),
                    bytes: *bytes,
                };
                Box::new(FilePages::open(
                    self.files.clone(),
                    place,
                    *format,
                    self.part_bytes,
                    from,
                )?)
            }
        })
    }
}
