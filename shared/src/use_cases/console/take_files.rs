//! Lets operators upload an audience's file straight to S3, past the limits of the API. The audience uses
//! the file once its document names it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use crate::domain::FieldError;
use crate::domain::audience::file::AudienceFormat;
use crate::domain::audience::{AudienceSource, FileUpload};
use crate::ports::{
    AudienceUploads, Clock, Documents, Kind, NewFile, PortError, Randomness, Saved, UploadUrl,
    Uploads,
};

/// The largest file: 1 GiB, which is more than ten million members.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// For how long an upload may begin.
const VALID_FOR: Duration = Duration::from_secs(15 * 60);

#[derive(Clone)]
pub struct TakeFiles {
    pub documents: Arc<dyn Documents>,
    /// The records by which the sweeper finds files that are no longer in use.
    pub uploads: Arc<dyn Uploads>,
    pub files: Arc<dyn AudienceUploads>,
    /// The bucket of uploaded files.
    pub bucket: String,
    pub clock: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
}

/// Where to upload a file, and what the audience's document then has to say.
#[derive(Clone, Debug)]
pub struct FilePlace {
    pub url: SecretString,
    pub headers: Vec<(&'static str, String)>,
    pub expires_at: Timestamp,
    pub source: AudienceSource,
    /// The file's key.
    pub key: String,
}

/// Why there is no place for a file.
#[derive(Debug, thiserror::Error)]
pub enum NoPlace {
    #[error("there is no such audience")]
    NoAudience,
    /// The operator has to change the request.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// A retry may succeed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl TakeFiles {
    /// A new place for a file of an audience. Repeating this gives another place; a place that nobody uses
    /// costs nothing.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub async fn place(
        &self,
        audience: &str,
        format: AudienceFormat,
        bytes: u64,
    ) -> Result<FilePlace, NoPlace> {
        if !(1..=FILE_BYTES_MAX).contains(&bytes) {
            let must = format!("is {bytes}; must be the file's length, 1 to {FILE_BYTES_MAX}");
            return Err(FieldError::new("bytes", must).into());
        }
        if self.documents.document(Kind::Audience, audience).await?.is_none() {
            return Err(NoPlace::NoAudience);
        }
        let upload = FileUpload::new(audience, format, self.randomness.next_u64());
        let now_ms = self.clock.now_ms();
        // Recorded first: the sweeper would not find a file without a record, and nobody would delete it.
        match self.uploads.record_use(audience, &upload.version, now_ms).await? {
            Saved::Done => {}
            Saved::Conflict => {
                let detail = "another upload of the same name is being discarded".to_owned();
                return Err(PortError::Unavailable { what: "the upload", detail }.into());
            }
        }
        let at = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let file = NewFile {
            bucket: self.bucket.clone(),
            key: upload.key(),
            content_type: format.media_type(),
            bytes,
        };
        let UploadUrl { url, headers } = self.files.upload_url(&file, at, VALID_FOR)?;
        let NewFile { bucket, key, .. } = file;
        Ok(FilePlace {
            url,
            headers,
            expires_at: at + VALID_FOR,
            source: AudienceSource::S3 { bucket, key: key.clone(), format },
            key,
        })
    }
}
