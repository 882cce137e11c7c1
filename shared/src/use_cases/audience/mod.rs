//! Reads audiences page by page: memory holds one page at a time, whether the members were uploaded
//! or are in a file in S3.

mod estimate;
mod file_pages;
mod pages;
mod stored_pages;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::file_pages::{FilePages, FileVersion};
pub use self::pages::{AudienceError, AudiencePage, AudiencePages};
use self::stored_pages::StoredPages;
use crate::domain::Audience;
use crate::domain::audience::{AudienceSource, PinnedAudience};
use crate::ports::{AudienceFiles, Members};

#[derive(Clone)]
pub struct Audiences {
    /// Members that were uploaded.
    pub members: Arc<dyn Members>,
    /// Files in S3.
    pub files: Arc<dyn AudienceFiles>,
    /// How much of a file is read at a time.
    pub part_bytes: u64,
}

impl Audiences {
    /// The default of `part_bytes`: 256 KiB.
    pub const PART_BYTES: u64 = 256 * 1024;

    /// Fixes the present content of an audience, so that it can be read to its end although the
    /// audience changes meanwhile.
    ///
    /// # Errors
    /// [`AudienceError::Unreadable`] when nothing was uploaded or the file cannot be read.
    pub async fn pin(&self, audience: &Audience) -> Result<PinnedAudience, AudienceError> {
        match &audience.source {
            AudienceSource::Members { version: None, .. } => {
                Err(AudienceError::Unreadable(format!(
                    "nothing was uploaded to the audience {:?} yet: upload its members first",
                    audience.name
                )))
            }
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
                        "the file s3://{bucket}/{key} does not exist, or this stack may not read it"
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

    /// Opens an audience at its beginning, or at the `next` of a page.
    ///
    /// # Errors
    /// [`AudienceError::Unreadable`] when `from` is not the `next` of a page.
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
                let file = FileVersion {
                    bucket: bucket.clone(),
                    key: key.clone(),
                    etag: etag.clone(),
                    bytes: *bytes,
                };
                let files = self.files.clone();
                Box::new(FilePages::open(files, file, *format, self.part_bytes, from)?)
            }
        })
    }
}
