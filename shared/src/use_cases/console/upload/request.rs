//! One upload request: a whole file, or a part of a file.

use bytes::Bytes;

use super::body::line_count;
use crate::domain::FieldError;
use crate::domain::audience::file::AudienceFormat;
use crate::domain::id::content_digest;
use crate::domain::name::{MUST_BE_A_NAME, is_name};
use crate::ports::UploadPart;

/// The most lines of one request. The members of an upload share one partition, which takes about
/// 1,000 writes a second, and callers of API Gateway wait no longer than 30 s.
pub const LINES_MAX: u64 = 20_000;

/// A part begins before this line. No file is so long, and the parts' keys have digits for it.
const FIRST_LINE_END: u64 = 1_000_000_000_000;

#[derive(Clone)]
pub struct UploadRequest {
    /// The audience's name.
    pub audience: String,
    pub format: AudienceFormat,
    /// `None` when the body is the whole file.
    pub part: Option<PartPlace>,
    /// The file, or a part of it. Each part of a CSV file starts with the header line.
    pub body: Bytes,
    /// The operator.
    pub by: String,
}

/// Where a part belongs in its upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartPlace {
    /// The operator's name for the upload.
    pub upload: String,
    /// The number of the part's first line, counted from 1 over all parts as they are sent.
    pub first_line: u64,
    /// The part is the last one: the audience uses the upload from now on.
    pub is_last: bool,
}

impl UploadRequest {
    /// The version that the upload becomes. For a whole file, a digest of the content is part of
    /// it: a repeated request then finds its own upload.
    pub(super) fn version(&self) -> Result<String, FieldError> {
        match &self.part {
            None => Ok(format!("{}-{}", self.format.as_str(), content_digest(&self.body))),
            Some(part) if !is_name(&part.upload) => Err(FieldError::new("upload", MUST_BE_A_NAME)),
            Some(part) if !(1..FIRST_LINE_END).contains(&part.first_line) => {
                let must = format!(
                    "is {}; must be 1 to {}: lines are counted from 1",
                    part.first_line,
                    FIRST_LINE_END - 1
                );
                Err(FieldError::new("first_line", must))
            }
            Some(part) => Ok(format!("upload-{}", part.upload)),
        }
    }

    /// The record of the part before its members are stored. A whole file is one part.
    pub(super) fn part(&self) -> UploadPart {
        let (first_line, is_last) = match &self.part {
            None => (1, true),
            Some(part) => (part.first_line, part.is_last),
        };
        UploadPart {
            first_line,
            lines: line_count(&self.body),
            digest: content_digest(&self.body),
            members: 0,
            is_stored: false,
            is_last,
        }
    }
}
