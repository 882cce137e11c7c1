//! Estimates the size of an audience in S3 from the first part of its file.

use super::Audiences;
use super::pages::AudienceError;
use crate::domain::audience::file::MemberReader;
use crate::domain::audience::{PinnedAudience, recipient_of};
use crate::ports::FilePart;

impl Audiences {
    /// About how many recipients a file has, as if the whole file held as many for each byte as its
    /// first part. When the first part is the whole file, the number is exact, except that a member
    /// on two lines counts twice. `None` when the file cannot be read, or the members were
    /// uploaded.
    ///
    /// # Errors
    /// [`AudienceError::Port`].
    pub async fn estimate(&self, pinned: &PinnedAudience) -> Result<Option<u64>, AudienceError> {
        let PinnedAudience::S3 { bucket, key, format, etag, bytes } = pinned else {
            return Ok(None);
        };
        let length = self.part_bytes.min(*bytes);
        let part = match self.files.read_file(bucket, key, etag, 0, length).await? {
            FilePart::Bytes(part) if part.len() as u64 == length => part,
            FilePart::Bytes(_) | FilePart::Gone => return Ok(None),
        };
        let mut reader = MemberReader::new(*format);
        reader.push(&part);
        if length == *bytes {
            reader.finish();
        }
        let mut recipients: u64 = 0;
        loop {
            match reader.next_record() {
                Ok(Some(record)) => {
                    let member = record.member.ok();
                    let is_valid = member.is_some_and(|member| recipient_of(&member).is_ok());
                    recipients += u64::from(is_valid);
                }
                Ok(None) => break,
                Err(_) => return Ok(None),
            }
        }
        if length == *bytes {
            return Ok(Some(recipients));
        }
        let read_bytes = u128::from(reader.resume_point().offset);
        let scaled = (u128::from(recipients) * u128::from(*bytes)).checked_div(read_bytes);
        Ok(scaled.and_then(|recipients| u64::try_from(recipients).ok()))
    }
}
