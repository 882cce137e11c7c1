//! Audience files: members as CSV or NDJSON, read from bytes that come in chunks of any size.
//!
//! The reader holds one unfinished record and what it was pushed and not yet asked for, however
//! large the file is. A record at fault is reported with its line, and the next one is read.

mod csv;
mod ndjson;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use csv::{Columns, CsvRecords};
use ndjson::NdjsonRecords;
use source::Source;

/// The longest record, in bytes as they stand in the file, without its line break. Longer ones are
/// passed over and reported.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// The longest id of a member, in bytes of UTF-8.
pub const ID_BYTES_MAX: usize = 128;

/// How the members are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceFormat {
    /// RFC 4180 with a header line. The columns `id`, `phone` and `timezone` have their meaning,
    /// every other column is a variable of that name.
    Csv,
    /// One JSON object a line, with `id` and, if wanted, `phone`, `timezone` and `variables`.
    Ndjson,
}

/// Somebody to notify, as the file has it: neither the phone number nor the zone is checked yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// The producer's own id of the person: not blank, at most [`ID_BYTES_MAX`].
    pub id: String,
    /// Where to send; never blank.
    pub phone: Option<String>,
    /// IANA time zone of the person; never blank.
    pub timezone: Option<String>,
    /// What to fill into the template.
    pub variables: BTreeMap<String, String>,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Phone numbers and what fills a message are in no log line.
        f.debug_struct("Member")
            .field("id", &self.id)
            .field("timezone", &self.timezone)
            .finish_non_exhaustive()
    }
}

/// One record of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line on which it starts, counted from 1.
    pub line: u64,
    /// What it says, or why that cannot be known.
    pub member: Result<Member, BadLine>,
}

/// A record that is no member. Quotes nothing of it but names of fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("line {line}{}: {fault}", .field.as_ref().map(|name| format!(", {name}")).unwrap_or_default())]
pub struct BadLine {
    /// The line on which the record starts, counted from 1, as an editor shows it.
    pub line: u64,
    /// The column or field at fault, cut when it is long; none when it is the whole record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it must be.
    pub fault: String,
}

/// Why no member can be had from the file at all, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableFile {
    /// Nothing but blank lines.
    #[error("the file is empty: CSV must start with a header line, NDJSON must hold an object")]
    Empty,
    /// Most often a spreadsheet's export in the encoding of its country.
    #[error("the header line is not UTF-8: save the file as UTF-8 (Excel: \"CSV UTF-8\")")]
    HeaderNotUtf8,
    /// Not CSV, or the quotes are wrong.
    #[error("the header line is longer than {RECORD_BYTES_MAX} bytes: is the file CSV?")]
    HeaderTooLong,
    /// A quote in the header line stands where RFC 4180 has none, or never closes.
    #[error(
        "the header line's quotes do not match: write a column's name as \"…\", and a quote within it twice"
    )]
    HeaderMisquoted,
    /// A column without a name.
    #[error("column {position} of the header line has no name: name it, or remove the column")]
    UnnamedColumn {
        /// The column, counted from 1.
        position: usize,
    },
    /// Two columns of one name.
    #[error("the header line names the column {name} twice: rename or remove one of the two")]
    DoubledColumn {
        /// The name, cut when it is long.
        name: String,
    },
    /// No column says who the members are.
    #[error("the header line has no column named id (in lower case, columns parted by commas)")]
    NoIdColumn,
}

/// Where to go on reading: enough to read the rest of a file from its middle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// Bytes before the rest.
    pub offset: u64,
    /// The line on which the rest starts, counted from 1.
    pub line: u64,
    /// The columns, for CSV whose header line is not in the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<String>,
}

/// Turns bytes into members: [`push`](Self::push) a chunk, take
/// [`next_record`](Self::next_record) until there is none, and so on; then
/// [`finish`](Self::finish), and take what is left.
pub struct MemberReader {
    source: Source,
    records: Records,
    unreadable: Option<UnreadableFile>,
}

enum Records {
    Csv(Box<CsvRecords>),
    Ndjson(NdjsonRecords),
}

impl MemberReader {
    /// Reads a file from its start.
    #[must_use]
    pub fn new(format: AudienceFormat) -> Self {
        let records = match format {
            AudienceFormat::Csv => Records::Csv(Box::new(CsvRecords::new(Columns::default()))),
            AudienceFormat::Ndjson => Records::Ndjson(NdjsonRecords::default()),
        };
        Self { source: Source::new(0, 1), records, unreadable: None }
    }

    /// Reads on from where another reader of the same file was; the first byte pushed is the one
    /// at the point's `offset`.
    ///
    /// # Errors
    /// The point's header could not have come from a file.
    pub fn resume(format: AudienceFormat, point: ResumePoint) -> Result<Self, UnreadableFile> {
        if point.offset == 0 {
            return Ok(Self::new(format));
        }
        let records = match format {
            AudienceFormat::Csv => {
                Records::Csv(Box::new(CsvRecords::new(Columns::named(point.header)?)))
            }
            AudienceFormat::Ndjson => Records::Ndjson(NdjsonRecords::default()),
        };
        Ok(Self { source: Source::new(point.offset, point.line), records, unreadable: None })
    }

    /// Takes the next bytes of the file, cut anywhere. What comes after
    /// [`finish`](Self::finish) is not looked at.
    pub fn push(&mut self, bytes: &[u8]) {
        self.source.push(bytes);
    }

    /// Says that the bytes so far were all.
    pub fn finish(&mut self) {
        self.source.finish();
    }

    /// The next record; none when that takes more bytes or, once finished, when there is none.
    ///
    /// # Errors
    /// The file as a whole cannot be read. Asking again gives the same answer.
    pub fn next_record(&mut self) -> Result<Option<Record>, UnreadableFile> {
        if let Some(unreadable) = &self.unreadable {
            return Err(unreadable.clone());
        }
        let next = self.read_record();
        if let Err(unreadable) = &next {
            self.unreadable = Some(unreadable.clone());
        }
        next
    }

    /// Whether the file ended in the middle of its last record: most of all when it is not whole.
    /// Known once that record was taken.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        match &self.records {
            Records::Csv(records) => records.is_cut_off(),
            Records::Ndjson(records) => records.is_cut_off(),
        }
    }

    /// The point after the latest record that was taken (or after the header line, or the start).
    #[must_use]
    pub fn resume_point(&self) -> ResumePoint {
        let (offset, line) = self.source.mark();
        let header = match &self.records {
            Records::Csv(records) => records.header(),
            Records::Ndjson(_) => Vec::new(),
        };
        ResumePoint { offset, line, header }
    }

    fn read_record(&mut self) -> Result<Option<Record>, UnreadableFile> {
        if !self.source.pass_byte_order_mark() {
            return Ok(None);
        }
        let record = match &mut self.records {
            Records::Csv(records) => records.next(&mut self.source)?,
            Records::Ndjson(records) => records.next(&mut self.source),
        };
        let (offset, _) = self.source.mark();
        if offset == 0 && self.source.has_ended() {
            return Err(UnreadableFile::Empty);
        }
        Ok(record)
    }
}

impl fmt::Debug for MemberReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what is in its buffers.
        f.debug_struct("MemberReader")
            .field("mark", &self.source.mark())
            .field("unreadable", &self.unreadable)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a record, before its line is said.
struct Fault {
    field: Option<String>,
    must: String,
    /// The file ends within the record.
    is_cut_off: bool,
}

impl Fault {
    fn of_record(must: impl Into<String>) -> Self {
        Self { field: None, must: must.into(), is_cut_off: false }
    }

    fn of_field(name: &str, must: impl Into<String>) -> Self {
        Self { field: Some(shown(name)), must: must.into(), is_cut_off: false }
    }

    /// The file ends within the record.
    fn cut_off(must: impl Into<String>) -> Self {
        Self { is_cut_off: true, ..Self::of_record(must) }
    }

    fn too_long() -> Self {
        Self::of_record(format!("must be at most {RECORD_BYTES_MAX} bytes long"))
    }

    fn at(self, line: u64) -> BadLine {
        BadLine { line, field: self.field, fault: self.must }
    }
}

const NOT_UTF8: &str = "must be UTF-8 text: save the file as UTF-8";

/// A name from the file, fit for a message: of bounded length and on one line.
fn shown(name: &str) -> String {
    const CHARACTERS_MAX: usize = 64;
    let mut shown: String = name
        .chars()
        .take(CHARACTERS_MAX)
        .map(
            |character| {
                if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }
            },
        )
        .collect();
    if name.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn checked_id(id: String) -> Result<String, Fault> {
    if id.trim().is_empty() {
        return Err(Fault::of_field("id", "must not be empty"));
    }
    if id.len() > ID_BYTES_MAX {
        return Err(Fault::of_field("id", format!("must be at most {ID_BYTES_MAX} bytes long")));
    }
    Ok(id)
}

fn unless_blank(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}
