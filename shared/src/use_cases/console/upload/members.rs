//! Stores the members of an upload request.

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::UploadMembers;
use super::body::BodyReader;
use super::report::NotUploaded;
use super::request::UploadRequest;
use crate::domain::FieldError;
use crate::domain::audience::file::{BadLine, Member, Record};
use crate::domain::audience::recipient_of;
use crate::ports::{MemberSaved, PortError, StoredMember};

/// How many members are stored at a time.
const CONCURRENCY: usize = 32;

/// How many bad lines are reported; the others are only counted.
const BAD_LINES_MAX: usize = 100;

/// What became of the request's lines.
#[derive(Default)]
pub(super) struct StoredLines {
    pub(super) members: u64,
    pub(super) bad_lines: Vec<BadLine>,
    pub(super) bad_line_count: u64,
    pub(super) duplicate: u64,
}

impl StoredLines {
    fn count(&mut self, saved: Result<(u64, MemberSaved), PortError>) -> Result<(), PortError> {
        match saved? {
            (_, MemberSaved::Done) => self.members += 1,
            (line, MemberSaved::Duplicate) => {
                self.duplicate += 1;
                let fault = "must be different for each member: another line has it".to_owned();
                self.report(BadLine { line, field: Some("id".to_owned()), fault });
            }
        }
        Ok(())
    }

    fn report(&mut self, bad_line: BadLine) {
        self.bad_line_count += 1;
        if self.bad_lines.len() < BAD_LINES_MAX {
            self.bad_lines.push(bad_line);
        }
    }
}

impl UploadMembers {
    /// Stores the valid members, and reports the bad lines.
    pub(super) async fn store_members(
        &self,
        request: &UploadRequest,
        version: &str,
        first_line: u64,
    ) -> Result<StoredLines, NotUploaded> {
        let mut records = BodyReader::new(request.format, &request.body);
        let mut lines = StoredLines::default();
        let mut in_flight = FuturesUnordered::new();
        while let Some(record) = records.next_record()? {
            let line = first_line - 1 + record.line;
            match valid_member(record, line) {
                Err(bad_line) => lines.report(bad_line),
                Ok(member) => {
                    if in_flight.len() == CONCURRENCY
                        && let Some(saved) = in_flight.next().await
                    {
                        lines.count(saved)?;
                    }
                    in_flight.push(self.put(&request.audience, version, member));
                }
            }
        }
        while let Some(saved) = in_flight.next().await {
            lines.count(saved)?;
        }
        // Duplicates are reported when their write is answered, so they are out of order.
        lines.bad_lines.sort_by_key(|bad_line| bad_line.line);
        Ok(lines)
    }

    async fn put(
        &self,
        audience: &str,
        version: &str,
        member: StoredMember,
    ) -> Result<(u64, MemberSaved), PortError> {
        Ok((member.line, self.members.put_member(audience, version, &member).await?))
    }
}

/// Whether a request has a member that can be stored.
///
/// # Errors
/// The body as a whole cannot be read.
pub(super) fn has_valid_member(request: &UploadRequest) -> Result<bool, FieldError> {
    let mut records = BodyReader::new(request.format, &request.body);
    while let Some(record) = records.next_record()? {
        if valid_member(record, 1).is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A record as it is stored, with the phone number in the form that the provider takes.
fn valid_member(record: Record, line: u64) -> Result<StoredMember, BadLine> {
    let member = record.member.map_err(|bad_line| BadLine { line, ..bad_line })?;
    let (_, addresses) = recipient_of(&member).map_err(|error| BadLine {
        line,
        field: Some(error.field),
        fault: error.detail,
    })?;
    Ok(StoredMember { line, member: Member { phone: addresses.phone.map(String::from), ..member } })
}
