//! A file in S3, read in parts.

use std::sync::Arc;

use async_trait::async_trait;

use super::{AudienceError, AudiencePage, AudiencePages};
use crate::domain::audience::file::{AudienceFormat, MemberReader, ResumePoint};
use crate::ports::scheduling::{AudienceFiles, FilePart};

/// One state of a file.
pub(super) struct Place {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) bytes: u64,
}

/// The file from a place on. The place is a [`ResumePoint`] as JSON.
///
/// Between pages it keeps what it has read of the file and not yet given out: a part at most.
pub(super) struct FilePages {
    files: Arc<dyn AudienceFiles>,
    place: Place,
    part_bytes: u64,
    reader: MemberReader,
    /// Bytes that the reader was given, from the file's start on.
    read_to: u64,
}

impl FilePages {
    pub(super) fn open(
        files: Arc<dyn AudienceFiles>,
        place: Place,
        format: AudienceFormat,
        part_bytes: u64,
        from: Option<&str>,
    ) -> Result<Self, AudienceError> {
        let (reader, read_to) = match from {
            None => (MemberReader::new(format), 0),
            Some(from) => {
                let point: ResumePoint = serde_json::from_str(from).map_err(|_| {
                    AudienceError::Unreadable("the place in the file does not decode".to_owned())
                })?;
                let offset = point.offset;
                let reader = MemberReader::resume(format, point)
                    .map_err(|error| AudienceError::Unreadable(error.to_string()))?;
                (reader, offset)
            }
        };
        Ok(Self { files, place, part_bytes, reader, read_to })
    }

    /// Gives the reader the next part, or tells it that there is none.
    async fn read_part(&mut self) -> Result<(), AudienceError> {
        let Place { bucket, key, etag, bytes } = &self.place;
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
        self.read_to >= self.place.bytes
    }
}

#[async_trait]
impl AudiencePages for FilePages {
    async fn next_page(&mut self, limit: usize) -> Result<AudiencePage, AudienceError> {
        let mut records = Vec::new();
        let mut was_told_the_end = false;
        while records.len() < limit {
            let next = self
                .reader
                .next_record()
                .map_err(|unreadable| AudienceError::Unreadable(unreadable.to_string()))?;
            match next {
                Some(record) => records.push(record),
                None if was_told_the_end => {
                    let is_cut_off = self.reader.is_cut_off();
                    return Ok(AudiencePage { records, next: None, is_cut_off });
                }
                None => {
                    was_told_the_end = self.has_all();
                    self.read_part().await?;
                }
            }
        }
        let next = serde_json::to_string(&self.reader.resume_point())
            .map_err(|error| AudienceError::Unreadable(error.to_string()))?;
        Ok(AudiencePage { records, next: Some(next), is_cut_off: self.reader.is_cut_off() })
    }
}
