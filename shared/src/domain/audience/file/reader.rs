//! The reader of audience files.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::csv::{Columns, CsvRecords};
use super::format::AudienceFormat;
use super::member::Record;
use super::ndjson::NdjsonRecords;
use super::source::Source;
use super::unreadable::UnreadableFile;

/// A place in a file from which another reader can continue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// Bytes before the place.
    pub offset: u64,
    /// The line on which the rest starts, counted from 1.
    pub line: u64,
    /// The columns, if the format is CSV and the header line is before the place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<String>,
}

/// Turns bytes into members.
///
/// [`push`](Self::push) a chunk, then take [`next_record`](Self::next_record) until it gives none,
/// and repeat. After the last chunk, [`finish`](Self::finish) and take the remaining records.
///
/// The reader holds one unfinished record and the chunks whose records have not been taken, however
/// large the file is.
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

    /// Continues where another reader of the same file stopped. The first byte to push is the one
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

    /// Takes the next bytes of the file, cut anywhere. Ignores bytes that come after
    /// [`finish`](Self::finish).
    pub fn push(&mut self, bytes: &[u8]) {
        self.source.push(bytes);
    }

    /// Declares that all bytes of the file were pushed.
    pub fn finish(&mut self) {
        self.source.finish();
    }

    /// The next record. `None` when more bytes are needed, or after the last record of a finished
    /// file.
    ///
    /// # Errors
    /// The file as a whole cannot be read. Further calls return the same error.
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

    /// Whether the file ends inside its last record, which most often means that the file is
    /// incomplete. Known once that record was taken.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        match &self.records {
            Records::Csv(records) => records.is_cut_off(),
            Records::Ndjson(records) => records.is_cut_off(),
        }
    }

    /// The place after the latest record that was taken. Before the first record: the place after
    /// the header line, or the start of the file.
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

/// Leaves out the buffered bytes: no log line may contain them.
impl fmt::Debug for MemberReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberReader")
            .field("mark", &self.source.mark())
            .field("unreadable", &self.unreadable)
            .finish_non_exhaustive()
    }
}
