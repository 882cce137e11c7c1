//! Files of audiences that operators upload to S3 by themselves.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

use super::error::PortError;

/// A file that is to be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    pub bucket: String,
    pub key: String,
    pub content_type: &'static str,
    /// The file's length.
    pub bytes: u64,
}

/// An address that takes one file.
#[derive(Clone, Debug)]
pub struct UploadUrl {
    /// Whoever has the address can upload the file, so no log may have it.
    pub url: SecretString,
    /// The headers that the request has to have, beside those that every client sends.
    pub headers: Vec<(&'static str, String)>,
}

#[async_trait]
pub trait AudienceUploads: Send + Sync {
    /// An address to which the file can be put from `at` on for as long as `valid_for`. It takes a file of
    /// the same length and type only, and only once.
    fn upload_url(
        &self,
        file: &NewFile,
        at: Timestamp,
        valid_for: Duration,
    ) -> Result<UploadUrl, PortError>;

    /// Deletes a file. A file that does not exist counts as deleted.
    async fn delete_file(&self, bucket: &str, key: &str) -> Result<(), PortError>;
}
