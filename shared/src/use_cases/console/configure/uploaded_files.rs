//! Files that were uploaded for an audience, and are deleted a day after they were last in use.

use super::ConfigureCatalog;
use super::changes::NotChanged;
use super::entry::Entry;
use crate::domain::FieldError;
use crate::domain::audience::{AudienceSource, FileUpload};
use crate::ports::Saved;

impl ConfigureCatalog {
    /// Records that an audience is about to use its uploaded file. A sweeper that has just found the file
    /// unused does not delete it then.
    pub(super) async fn keep_uploaded_file(
        &self,
        entry: &Entry,
        now_ms: i64,
    ) -> Result<(), NotChanged> {
        let Entry::Audience(audience) = entry else { return Ok(()) };
        let AudienceSource::S3 { key, .. } = &audience.source else { return Ok(()) };
        let Some(FileUpload { audience, version }) = FileUpload::of_key(key) else { return Ok(()) };
        match self.uploads.record_use(&audience, &version, now_ms).await? {
            Saved::Done => Ok(()),
            Saved::Conflict => {
                let must = "names an upload that is older than a day and is being deleted; must be a \
                            new upload";
                Err(FieldError::new("source.key", must).into())
            }
        }
    }
}
