//! The pages of a file in S3, which is read in parts.

use std::sync::Arc;

use async_trait::async_trait;

use super::pages::{AudienceError, AudiencePage, AudiencePages};
use crate::domain::audience::file::{AudienceFormat, MemberReader, ResumePoint};
use crate::ports::{AudienceFiles, FilePart};

/// One content of a file. The etag changes with the content.
pub(super) struct FileVersion {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) bytes: u64,
}

/// Pages begin at a [`ResumePoint`], written as JSON.
///
/// Between pages this holds the bytes that it has read and not yet returned: one part at most.
pub(super) struct FilePages {
    files: Arc<dyn AudienceFiles>,
    file: FileVersion,
    part_bytes: u64,
    reader: MemberReader,
    /// How many bytes of the file the reader has received, from the file's start on.
    read_to: u64,
}

impl FilePages {
    pub(super) fn open(
        files: Arc<dyn AudienceFiles>,
        file: FileVersion,
        format: AudienceFormat,
        part_bytes: u64,
        from: Option<&str>,
    ) -> Result<Self, AudienceError> {
        let (reader, read_to) = match from {
            None => (MemberReader::new(format), 0),
            Some(from) => {
                let point: ResumePoint = serde_json::from_str(from).map_err(|_| {
                    AudienceError::Unreadable("the place in the file cannot be read".to_owned())
                })?;
                let offset = point.offset;
                let reader = MemberReader::resume(format, point)
                    .map_err(|error| AudienceError::Unreadable(error.to_string()))?;
                (reader, offset)
            }
        };
        Ok(Self { files, file, part_bytes, reader, read_to })
    }

    /// Gives the reader the next part, or tells it that the file has ended.
    async fn read_part(&mut self) -> Result<(), AudienceError> {
        let FileVersion { bucket, key, etag, bytes } = &self.file;
        let length = self.part_bytes.min(bytes.saturating_sub(self.read_to));
        if length == 0 {
            self.reader.finish();
            return Ok(());
        }
        match self.files.read_file(bucket, key, etag, self.read_to, length).await? {
            FilePart::Gone => Err(AudienceError::Unreadable(
                "the file was changed or removed while it was read".to_owned(),
            )),
            FilePart::Bytes(part) if part.len() as u64 != length => {
                Err(AudienceError::Unreadable(format!(
                    "the file is truncated: it ended after {} of its {bytes} bytes",
                    self.read_to + part.len() as u64
                )))
            }
            FilePart::Bytes(part) => {
                self.reader.push(&part);
                self.read_to += length;
                Ok(())
            }
        }
    }

    fn has_all(&self) -> bool {
        self.read_to >= self.file.bytes
    }
}

#[async_trait]
impl AudiencePages for FilePages {
    async fn next_page(&mut self, limit: usize) -> Result<AudiencePage, AudienceError> {
        let mut records = Vec::new();
        // The reader may return a last record only after it was told that the file has ended.
        let mut is_finished = false;
        while records.len() < limit {
            let next = self
                .reader
                .next_record()
                .map_err(|unreadable| AudienceError::Unreadable(unreadable.to_string()))?;
            match next {
                Some(record) => records.push(record),
                None if is_finished => {
                    let is_cut_off = self.reader.is_cut_off();
                    return Ok(AudiencePage { records, next: None, is_cut_off });
                }
                None => {
                    is_finished = self.has_all();
                    self.read_part().await?;
                }
            }
        }
        let next = serde_json::to_string(&self.reader.resume_point())
            .map_err(|error| AudienceError::Unreadable(error.to_string()))?;
        Ok(AudiencePage { records, next: Some(next), is_cut_off: self.reader.is_cut_off() })
    }
}
