//! The steps of one upload request.

use super::UploadMembers;
use super::body::check_readable;
use super::members::has_valid_member;
use super::parts::{check_addable, complete_size, other_content};
use super::report::{NotUploaded, UploadReport};
use super::request::{LINES_MAX, UploadRequest};
use crate::domain::audience::AudienceSource;
use crate::domain::{Audience, FieldError};
use crate::ports::{Changed, Document, Expected, Kind, PortError, Saved, UploadPart};
use crate::use_cases::console::configure::read;

impl UploadMembers {
    /// Stores the members of a file or of a part of it. When the upload is complete then, the
    /// audience uses it.
    ///
    /// # Errors
    /// [`NotUploaded`]: the audience is as it was before.
    pub async fn upload(&self, request: &UploadRequest) -> Result<UploadReport, NotUploaded> {
        let (document, audience) = self.audience(&request.audience).await?;
        let version = request.version()?;
        let mut part = request.part();
        if part.lines > LINES_MAX {
            return Err(NotUploaded::TooLong(part.lines));
        }
        // The body is read twice: nothing of it is stored unless it can be read to its end.
        check_readable(request.format, &request.body)?;
        // A file without a valid member leaves nothing behind, not even the record of its upload.
        if request.part.is_some() || has_valid_member(request)? {
            self.record_use(&request.audience, &version).await?;
        }
        if request.part.is_some() {
            let known = self.uploads.parts(&request.audience, &version).await?;
            check_addable(&part, &known)?;
            // A repeated last part stays the last one.
            part.is_last |= known.iter().any(|known| known.is_last && known.digest == part.digest);
            let not_last = UploadPart { is_last: false, ..part.clone() };
            self.record_part(request, &version, &not_last).await?;
        }
        let lines = self.store_members(request, &version, part.first_line).await?;
        part.members = lines.members;
        part.is_stored = true;
        let mut report = UploadReport {
            members: lines.members,
            bad_lines: lines.bad_lines,
            bad_line_count: lines.bad_line_count,
            duplicate: lines.duplicate,
            version,
            committed: false,
            size: None,
            next_line: part.first_line + part.lines,
            revision: document.revision,
        };
        let size = if request.part.is_some() {
            self.note_stored(request, &report.version, part.clone()).await?
        } else {
            part.members
        };
        if part.is_last && size > 0 {
            report.revision =
                self.commit(request, &document, audience, &report.version, size).await?;
            report.committed = true;
            report.size = Some(size);
        }
        tracing::info!(
            audience = request.audience,
            version = report.version,
            members = report.members,
            bad_lines = report.bad_line_count,
            committed = report.committed,
            "members uploaded"
        );
        Ok(report)
    }

    /// Reads an audience whose members can be uploaded, with its document.
    async fn audience(&self, name: &str) -> Result<(Document, Audience), NotUploaded> {
        let document = self.documents.document(Kind::Audience, name).await?;
        let document = document.ok_or(NotUploaded::Missing)?;
        let audience: Audience = read(&document)?;
        match audience.source {
            AudienceSource::Members { .. } => Ok((document, audience)),
            AudienceSource::S3 { .. } => {
                let must = "is s3; must be members before members can be uploaded";
                Err(FieldError::new("source.kind", must).into())
            }
        }
    }

    /// Records that the upload is in use: the sweeper discards uploads that are not.
    async fn record_use(&self, audience: &str, version: &str) -> Result<(), NotUploaded> {
        match self.uploads.record_use(audience, version, self.clock.now_ms()).await? {
            Saved::Done => Ok(()),
            Saved::Conflict => Err(NotUploaded::Port(PortError::Unavailable {
                what: "the upload",
                detail: "an older upload of this name is being discarded".to_owned(),
            })),
        }
    }

    async fn record_part(
        &self,
        request: &UploadRequest,
        version: &str,
        part: &UploadPart,
    ) -> Result<(), NotUploaded> {
        match self.uploads.record_part(&request.audience, version, part).await? {
            Saved::Done => Ok(()),
            Saved::Conflict => Err(other_content(part.first_line).into()),
        }
    }

    /// Records that a part is stored. Returns the size of the whole upload if the part is the last
    /// one, and 0 otherwise.
    async fn note_stored(
        &self,
        request: &UploadRequest,
        version: &str,
        mut part: UploadPart,
    ) -> Result<u64, NotUploaded> {
        // Other requests may have stored parts meanwhile.
        let known = self.uploads.parts(&request.audience, version).await?;
        let size = if part.is_last { complete_size(&part, &known) } else { Ok(0) };
        // While lines are missing, the part is not recorded as the last one: the missing parts
        // could not be added any more.
        part.is_last &= size.is_ok();
        self.record_part(request, version, &part).await?;
        Ok(size?)
    }

    /// Makes the audience use the upload. Returns the revision of the audience's document.
    async fn commit(
        &self,
        request: &UploadRequest,
        document: &Document,
        mut audience: Audience,
        version: &str,
        size: u64,
    ) -> Result<u64, NotUploaded> {
        let source = AudienceSource::Members { version: Some(version.to_owned()), size };
        if audience.source == source {
            return Ok(document.revision);
        }
        // A run may be pinning the upload that is replaced now, so that upload counts as used until
        // now.
        if let AudienceSource::Members { version: Some(replaced), .. } = &audience.source {
            self.record_use(&request.audience, replaced).await?;
        }
        audience.source = source;
        let body = serde_json::to_value(&audience).map_err(|error| PortError::Unusable {
            what: "the audience",
            detail: error.to_string(),
        })?;
        let changed = Document {
            body: Some(body),
            changed_by: request.by.clone(),
            changed_at_ms: self.clock.now_ms(),
            ..document.clone()
        };
        let expected = Expected::Revision(document.revision);
        match self.documents.put_document(Kind::Audience, &changed, expected).await? {
            Changed::Done(revision) => Ok(revision),
            Changed::Conflict(current) => {
                // Another try of this request may have made the same change.
                let (present, present_audience) = self.audience(&request.audience).await?;
                if present_audience == audience {
                    Ok(present.revision)
                } else {
                    Err(NotUploaded::Conflict(current))
                }
            }
        }
    }
}
