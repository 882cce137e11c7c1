//! S3 inside this process: the files of audiences.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alimi::ports::{AudienceFiles, Clock, FilePart, FileState, PortError};
use async_trait::async_trait;
use axum::http::{HeaderMap, Uri, header};
use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

use crate::aws::presigned::{self, Refused};

/// The bucket of the files that operators upload.
pub const UPLOAD_BUCKET: &str = "audience-files";

/// The time of each request.
const LATENCY: Duration = Duration::from_millis(4);

/// One request for part of a file.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    pub at: Instant,
    /// The first byte.
    pub offset: u64,
    /// The number of bytes.
    pub length: u64,
}

pub struct LocalFiles {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<(String, String), File>,
    saves: u64,
    reads: Vec<Read>,
    refusal: Option<u16>,
}

#[derive(Clone)]
struct File {
    etag: String,
    content: Bytes,
    /// The length that S3 reports.
    bytes: u64,
}

impl LocalFiles {
    /// No files. The clock tells whether an address for an upload is still valid.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { state: Mutex::default(), clock }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a file, or replaces it.
    pub fn save(&self, bucket: &str, key: &str, content: impl Into<Bytes>) {
        let content = content.into();
        let bytes = content.len() as u64;
        self.save_with_length(bucket, key, content, bytes);
    }

    /// Stores a file whose reported length differs from its real length.
    pub fn save_with_length(&self, bucket: &str, key: &str, content: impl Into<Bytes>, bytes: u64) {
        let mut state = self.state();
        state.saves += 1;
        let etag = format!("etag-{}", state.saves);
        let file = File { etag, content: content.into(), bytes };
        state.files.insert((bucket.to_owned(), key.to_owned()), file);
    }

    pub fn remove(&self, bucket: &str, key: &str) {
        self.state().files.remove(&(bucket.to_owned(), key.to_owned()));
    }

    /// Takes a file that a client puts to a presigned address, as S3 does. `path` is the bucket and the
    /// key. Returns S3's status, and the code of a refusal.
    pub fn upload(
        &self,
        uri: &Uri,
        path: &str,
        headers: &HeaderMap,
        content: Bytes,
    ) -> (u16, Option<&'static str>) {
        let now = Timestamp::from_microsecond(self.clock.now_us()).unwrap_or_default();
        if let Err(Refused(status, code)) = presigned::check("PUT", uri, headers, now) {
            return (status, Some(code));
        }
        let Some((bucket, key)) = path.split_once('/') else {
            return (400, Some("InvalidRequest"));
        };
        let key = percent_decode_str(key).decode_utf8_lossy();
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let length = header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        if length != Some(content.len()) {
            return (400, Some("IncompleteBody"));
        }
        if header(header::IF_NONE_MATCH) == Some("*") && self.file(bucket, &key).is_some() {
            return (412, Some("PreconditionFailed"));
        }
        self.save(bucket, &key, content);
        (200, None)
    }

    #[must_use]
    pub fn has(&self, bucket: &str, key: &str) -> bool {
        self.file(bucket, key).is_some()
    }

    /// Answers every request with this status from now on.
    pub fn refuse(&self, status: u16) {
        self.state().refusal = Some(status);
    }

    /// The status that every request is answered with, if set.
    pub(crate) fn refusal(&self) -> Option<u16> {
        self.state().refusal
    }

    /// All requests for parts of files so far.
    #[must_use]
    pub fn reads(&self) -> Vec<Read> {
        self.state().reads.clone()
    }

    fn file(&self, bucket: &str, key: &str) -> Option<File> {
        self.state().files.get(&(bucket.to_owned(), key.to_owned())).cloned()
    }
}

#[async_trait]
impl AudienceFiles for LocalFiles {
    async fn file_state(&self, bucket: &str, key: &str) -> Result<Option<FileState>, PortError> {
        tokio::time::sleep(LATENCY).await;
        Ok(self.file(bucket, key).map(|file| FileState { etag: file.etag, bytes: file.bytes }))
    }

    async fn read_file(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        offset: u64,
        length: u64,
    ) -> Result<FilePart, PortError> {
        self.state().reads.push(Read { at: Instant::now(), offset, length });
        tokio::time::sleep(LATENCY).await;
        let Some(file) = self.file(bucket, key).filter(|file| file.etag == etag) else {
            return Ok(FilePart::Gone);
        };
        let end = file.content.len();
        let from = usize::try_from(offset).unwrap_or(end).min(end);
        let to = usize::try_from(offset.saturating_add(length)).unwrap_or(end).min(end);
        Ok(FilePart::Bytes(file.content.slice(from..to)))
    }
}
