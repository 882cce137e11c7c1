//! Takes an audience's members in: a file in one request, or in parts.
//!
//! An upload is a version of its own, and holds only once it is complete: a run that has begun
//! keeps the version that it began with, and an upload that is cut short changes nothing. Every
//! step can be repeated. A member is stored under its line, so a repetition meets itself and another
//! line with the same id does not; a part is noted when all of its members are stored, and an
//! upload is complete when its parts leave no line out.
//!
//! No more is held than one request's body and the members that are being stored.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::FieldError;
use super::configure::read;
use crate::domain::Audience;
use crate::domain::audience::file::{
    AudienceFormat, BadLine, Member, MemberReader, Record, UnreadableFile,
};
use crate::domain::audience::{AudienceSource, recipient_of};
use crate::domain::channel::is_name;
use crate::domain::id::body_digest;
use crate::ports::scheduling::{
    Changed, Document, Documents, Expected, Kind, MemberSaved, Members, StoredMember, UploadPart,
    Uploads,
};
use crate::ports::{Clock, PortError, Saved};

/// Puts under way at once.
const CONCURRENCY: usize = 32;

/// What the reader is given at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The most lines of one request. All members of an upload are in one partition, which takes about
/// 1,000 writes a second, and whoever waits behind API Gateway waits for 30 s.
pub const LINES_MAX: u64 = 20_000;

/// How many bad lines are named; the others are only counted.
pub const BAD_LINES_NAMED: usize = 100;

/// Takes members in.
#[derive(Clone)]
pub struct Upload {
    /// Audiences' heads.
    pub documents: Arc<dyn Documents>,
    /// Members.
    pub members: Arc<dyn Members>,
    /// The parts that uploads came in.
    pub uploads: Arc<dyn Uploads>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

/// Members as an operator sends them.
#[derive(Clone)]
pub struct UploadRequest {
    /// Whose members.
    pub audience: String,
    /// How they are written down.
    pub format: AudienceFormat,
    /// Which part of an upload this is; `None` when it is the whole file.
    pub part: Option<Part>,
    /// The file, or the part of it. A part of a CSV file starts with the header line.
    pub body: Bytes,
    /// Who sends them.
    pub by: String,
}

/// A part's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The operator's name for the upload.
    pub upload: String,
    /// The number of its first line, counted from 1 over all parts as they are sent.
    pub first_line: u64,
    /// It is the last one: the upload is to hold from now on.
    pub is_last: bool,
}

/// What became of the members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadReport {
    /// Members that are stored, of this request's.
    pub members: u64,
    /// The first of the bad lines, in order.
    pub bad_lines: Vec<BadLine>,
    /// How many lines are bad. They are left out; the others are stored.
    pub bad_line_count: u64,
    /// How many of the bad lines hold a member that another line of the upload holds.
    pub doubled: u64,
    /// The upload, as the audience names it once it holds.
    pub version: String,
    /// The upload holds.
    pub committed: bool,
    /// How many members the audience has, once the upload holds.
    pub size: Option<u64>,
    /// The number of the line after this request's last one: where the next part starts.
    pub next_line: u64,
    /// The audience's revision.
    pub revision: u64,
}

/// Why an upload came to nothing. What it has stored is not looked at by anybody, and repeating
/// the request is harmless.
#[derive(Debug, thiserror::Error)]
pub enum NotUploaded {
    /// There is no such audience.
    #[error("there is no such audience")]
    Missing,
    /// The operator has to change the request.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// It has more than [`LINES_MAX`] lines. How many.
    #[error("{0} lines are more than one request can store")]
    TooLong(u64),
    /// Somebody changed the audience meanwhile. The revision that there is, if there is one.
    #[error("the audience was changed meanwhile")]
    Lost(Option<u64>),
    /// It may work another time.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Upload {
    /// Stores the members of a file or of a part of it.
    ///
    /// # Errors
    /// [`NotUploaded`]; the audience is as it was then.
    pub async fn upload(&self, request: &UploadRequest) -> Result<UploadReport, NotUploaded> {
        let (head, audience) = self.audience(&request.audience).await?;
        let version = version(request)?;
        let mut part = part(request);
        if part.lines > LINES_MAX {
            return Err(NotUploaded::TooLong(part.lines));
        }
        // Nothing is stored of a file that cannot be read to its end.
        legible(request)?;
        self.note_use(&request.audience, &version).await?;
        if request.part.is_some() {
            let known = self.uploads.parts(&request.audience, &version).await?;
            admit(&part, &known)?;
            part.is_last |= known.iter().any(|known| known.is_last && known.digest == part.digest);
            self.note(request, &version, &UploadPart { is_last: false, ..part.clone() }).await?;
        }
        let tally = self.store(request, &version, part.first_line).await?;
        part.members = tally.members;
        part.is_stored = true;
        let mut report = UploadReport {
            members: tally.members,
            bad_lines: tally.bad_lines,
            bad_line_count: tally.bad_line_count,
            doubled: tally.doubled,
            version,
            committed: false,
            size: None,
            next_line: part.first_line + part.lines,
            revision: head.revision,
        };
        let size = if request.part.is_some() {
            self.complete(request, &report.version, part.clone()).await?
        } else {
            part.members
        };
        if part.is_last && size > 0 {
            report.revision = self.commit(request, &head, audience, &report.version, size).await?;
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

    /// So that it is found again when nobody reads it any more.
    async fn note_use(&self, audience: &str, version: &str) -> Result<(), NotUploaded> {
        match self.uploads.note_use(audience, version, self.clock.now_ms()).await? {
            Saved::Done => Ok(()),
            Saved::Lost => Err(NotUploaded::Port(PortError::Unavailable {
                what: "the upload",
                detail: "an older one of this name is being discarded".to_owned(),
            })),
        }
    }

    /// Notes that a part is stored. Answers with the size of the whole if it is the last one.
    async fn complete(
        &self,
        request: &UploadRequest,
        version: &str,
        mut part: UploadPart,
    ) -> Result<u64, NotUploaded> {
        // Other parts may have come in meanwhile.
        let known = self.uploads.parts(&request.audience, version).await?;
        let size = if part.is_last { whole(&part, &known) } else { Ok(0) };
        // A last part before which something is missing is no last part yet.
        part.is_last &= size.is_ok();
        self.note(request, version, &part).await?;
        Ok(size?)
    }

    async fn audience(&self, name: &str) -> Result<(Document, Audience), NotUploaded> {
        let head = self.documents.document(Kind::Audience, name).await?;
        let head = head.ok_or(NotUploaded::Missing)?;
        let audience: Audience = read(&head)?;
        match audience.source {
            AudienceSource::Members { .. } => Ok((head, audience)),
            AudienceSource::S3 { .. } => {
                let must = "must be members to take uploads: this audience is a file in S3";
                Err(FieldError::new("source.kind", must).into())
            }
        }
    }

    /// Stores what can be stored, and counts the rest.
    async fn store(
        &self,
        request: &UploadRequest,
        version: &str,
        first_line: u64,
    ) -> Result<Tally, NotUploaded> {
        let mut reader = MemberReader::new(request.format);
        let mut tally = Tally::default();
        let mut under_way = FuturesUnordered::new();
        let mut chunks = request.body.chunks(CHUNK_BYTES);
        let mut is_over = false;
        while !is_over {
            is_over = !feed(&mut reader, &mut chunks);
            while let Some(record) = reader.next_record().map_err(|error| unreadable(&error))? {
                let line = first_line - 1 + record.line;
                match sendable(record, line) {
                    Err(bad_line) => tally.report(bad_line),
                    Ok(member) => {
                        if under_way.len() == CONCURRENCY
                            && let Some(stored) = under_way.next().await
                        {
                            tally.count(stored)?;
                        }
                        under_way.push(self.put(&request.audience, version, member));
                    }
                }
            }
        }
        while let Some(stored) = under_way.next().await {
            tally.count(stored)?;
        }
        tally.bad_lines.sort_by_key(|bad_line| bad_line.line);
        Ok(tally)
    }

    async fn put(
        &self,
        audience: &str,
        version: &str,
        member: StoredMember,
    ) -> Result<(u64, MemberSaved), PortError> {
        Ok((member.line, self.members.put_member(audience, version, &member).await?))
    }

    async fn note(
        &self,
        request: &UploadRequest,
        version: &str,
        part: &UploadPart,
    ) -> Result<(), NotUploaded> {
        match self.uploads.note_part(&request.audience, version, part).await? {
            Saved::Done => Ok(()),
            Saved::Lost => Err(other_content(part.first_line).into()),
        }
    }

    /// Lets the upload hold. Answers with the audience's revision.
    async fn commit(
        &self,
        request: &UploadRequest,
        head: &Document,
        mut audience: Audience,
        version: &str,
        size: u64,
    ) -> Result<u64, NotUploaded> {
        let source = AudienceSource::Members { version: Some(version.to_owned()), size };
        if audience.source == source {
            return Ok(head.revision);
        }
        // A run may just be pinning the one that held: its day begins now.
        if let AudienceSource::Members { version: Some(before), .. } = &audience.source {
            self.note_use(&request.audience, before).await?;
        }
        audience.source = source;
        let body = serde_json::to_value(&audience).map_err(|error| PortError::Corrupt {
            what: "the audience",
            detail: error.to_string(),
        })?;
        let document = Document {
            body: Some(body),
            changed_by: request.by.clone(),
            changed_at_ms: self.clock.now_ms(),
            ..head.clone()
        };
        let expected = Expected::Revision(head.revision);
        match self.documents.put_document(Kind::Audience, &document, expected).await? {
            Changed::Done(revision) => Ok(revision),
            Changed::Lost(current) => {
                // Perhaps by another try of this very request.
                let (now, now_audience) = self.audience(&request.audience).await?;
                if now_audience == audience {
                    Ok(now.revision)
                } else {
                    Err(NotUploaded::Lost(current))
                }
            }
        }
    }
}

/// What became of the members so far.
#[derive(Default)]
struct Tally {
    members: u64,
    bad_lines: Vec<BadLine>,
    bad_line_count: u64,
    doubled: u64,
}

impl Tally {
    fn count(&mut self, stored: Result<(u64, MemberSaved), PortError>) -> Result<(), PortError> {
        match stored? {
            (_, MemberSaved::Done) => self.members += 1,
            (line, MemberSaved::Doubled) => {
                self.doubled += 1;
                let fault = "must differ from the other members': another line has it".to_owned();
                self.report(BadLine { line, field: Some("id".to_owned()), fault });
            }
        }
        Ok(())
    }

    fn report(&mut self, bad_line: BadLine) {
        self.bad_line_count += 1;
        if self.bad_lines.len() < BAD_LINES_NAMED {
            self.bad_lines.push(bad_line);
        }
    }
}

/// A record as it is stored: its number as the provider takes it.
fn sendable(record: Record, line: u64) -> Result<StoredMember, BadLine> {
    let member = record.member.map_err(|bad_line| BadLine { line, ..bad_line })?;
    let recipient = recipient_of(&member).map_err(|bad| BadLine {
        line,
        field: Some(bad.field.to_owned()),
        fault: bad.must,
    })?;
    Ok(StoredMember { line, member: Member { phone: recipient.phone.map(String::from), ..member } })
}

/// A whole file's version follows from its content, so that repeating the request meets itself.
fn version(request: &UploadRequest) -> Result<String, FieldError> {
    match &request.part {
        None => {
            let format = match request.format {
                AudienceFormat::Csv => "csv",
                AudienceFormat::Ndjson => "ndjson",
            };
            Ok(format!("{format}-{}", body_digest(&request.body)))
        }
        Some(part) if !is_name(&part.upload) => {
            Err(FieldError::new("upload", "must be 1 to 64 of a-z, 0-9 and -"))
        }
        Some(part) if !(1..LINE_MAX).contains(&part.first_line) => {
            Err(FieldError::new("first_line", "must be 1 or more: lines are counted from 1"))
        }
        Some(part) => Ok(format!("upload-{}", part.upload)),
    }
}

/// Beyond any file, and within the digits of the parts' keys.
const LINE_MAX: u64 = 1_000_000_000_000;

fn part(request: &UploadRequest) -> UploadPart {
    let (first_line, is_last) = match &request.part {
        None => (1, true),
        Some(part) => (part.first_line, part.is_last),
    };
    UploadPart {
        first_line,
        lines: line_count(&request.body),
        digest: body_digest(&request.body),
        members: 0,
        is_stored: false,
        is_last,
    }
}

/// Looks whether the part may still be added, before anything of it is stored.
fn admit(part: &UploadPart, known: &[UploadPart]) -> Result<(), FieldError> {
    match known.iter().find(|known| known.first_line == part.first_line) {
        Some(same) if same.digest == part.digest => Ok(()),
        Some(_) => Err(other_content(part.first_line)),
        None if known.iter().any(|known| known.is_last) => {
            let must = "must be a new name: the upload of this name is complete";
            Err(FieldError::new("upload", must))
        }
        None => Ok(()),
    }
}

/// How many members all parts have, when they leave no line out and have none in common.
fn whole(last: &UploadPart, known: &[UploadPart]) -> Result<u64, FieldError> {
    let others =
        known.iter().filter(|known| known.is_stored && known.first_line != last.first_line);
    let mut parts: Vec<&UploadPart> = others.chain([last]).collect();
    parts.sort_by_key(|part| part.first_line);
    let mut next_line = 1;
    for part in &parts {
        if part.first_line > next_line {
            let must = format!(
                "must follow on other parts: lines {next_line} to {} are missing. Send them, and \
                 then this part again",
                part.first_line - 1
            );
            return Err(FieldError::new("first_line", must));
        }
        if part.first_line < next_line {
            let must = format!(
                "must be the line after the part before it: line {} is in two parts. Begin a new \
                 upload",
                part.first_line
            );
            return Err(FieldError::new("first_line", must));
        }
        next_line = part.first_line + part.lines;
    }
    if parts.last().is_some_and(|part| part.first_line > last.first_line) {
        return Err(FieldError::new("complete", "must be said with the last part"));
    }
    Ok(parts.iter().map(|part| part.members).sum())
}

fn other_content(first_line: u64) -> FieldError {
    let must = format!(
        "must be the line after the part before it: the part from line {first_line} on is there \
         already, with another content. Begin a new upload to change it"
    );
    FieldError::new("first_line", must)
}

/// Whether the file can be read to its end, and ends where it should.
fn legible(request: &UploadRequest) -> Result<(), FieldError> {
    let mut reader = MemberReader::new(request.format);
    let mut chunks = request.body.chunks(CHUNK_BYTES);
    let mut is_over = false;
    while !is_over {
        is_over = !feed(&mut reader, &mut chunks);
        while reader.next_record().map_err(|error| unreadable(&error))?.is_some() {}
    }
    if reader.is_cut_off() {
        let must = "must end after a record: it ends in the middle of one. Is it whole?";
        return Err(FieldError::new("body", must));
    }
    Ok(())
}

/// Gives the reader its next bytes. False when there are no more.
fn feed<'a>(reader: &mut MemberReader, chunks: &mut impl Iterator<Item = &'a [u8]>) -> bool {
    let chunk = chunks.next();
    match chunk {
        Some(chunk) => reader.push(chunk),
        None => reader.finish(),
    }
    chunk.is_some()
}

fn unreadable(error: &UnreadableFile) -> FieldError {
    FieldError::new("body", error.to_string())
}

/// CRLF, LF and CR each break a line; what follows the last break is a line if there is any.
fn line_count(bytes: &[u8]) -> u64 {
    let mut lines = 0;
    let mut before = b'\n';
    for &byte in bytes {
        if byte == b'\r' || (byte == b'\n' && before != b'\r') {
            lines += 1;
        }
        before = byte;
    }
    lines + u64::from(!bytes.is_empty() && before != b'\n' && before != b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_the_reader_counts_them() {
        for (text, lines) in
            [("", 0), ("a", 1), ("a\n", 1), ("a\r\nb", 2), ("a\rb\r", 2), ("\n\n", 2), ("\r\n", 1)]
        {
            assert_eq!(line_count(text.as_bytes()), lines, "{text:?}");
        }
    }

    fn lines(first_line: u64, lines: u64) -> UploadPart {
        UploadPart {
            first_line,
            lines,
            digest: String::new(),
            members: 10,
            is_stored: true,
            is_last: false,
        }
    }

    #[test]
    fn an_upload_is_whole_when_its_parts_leave_no_line_out() {
        assert_eq!(whole(&lines(1, 5), &[]), Ok(10));
        assert_eq!(whole(&lines(6, 5), &[lines(1, 5)]), Ok(20));
        assert_eq!(whole(&lines(6, 5), &[lines(1, 5), lines(6, 5)]), Ok(20));
        let field = |last, known: &[UploadPart]| whole(&last, known).expect_err("a fault").field;
        assert_eq!(field(lines(7, 5), &[lines(1, 5)]), "first_line");
        let begun = UploadPart { is_stored: false, ..lines(1, 5) };
        assert_eq!(field(lines(6, 5), &[begun]), "first_line");
        assert_eq!(field(lines(5, 5), &[lines(1, 5)]), "first_line");
        assert_eq!(field(lines(1, 5), &[lines(6, 5)]), "complete");
    }
}
