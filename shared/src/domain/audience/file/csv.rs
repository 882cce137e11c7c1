//! CSV files: RFC 4180, with a header line.

use std::collections::{BTreeMap, BTreeSet};

use csv_core::ReadRecordResult;

use super::fault::{Fault, NOT_UTF8};
use super::format::RECORD_BYTES_MAX;
use super::member::{Member, Record, checked_id, unless_blank};
use super::source::Source;
use super::unreadable::UnreadableFile;
use crate::domain::shown::shown;

/// The most bytes of one record that the parser gets: the longest record and one byte, which
/// either begins the line break or makes the record too long.
const SCAN_BYTES_MAX: usize = RECORD_BYTES_MAX + 1;

/// Splits the file into records. The first record is the header line, which gives the cells of the
/// others their meaning.
pub(super) struct CsvRecords {
    parser: csv_core::Reader,
    /// Empty before the header line was read.
    columns: Columns,
    /// The record's cells without their quotes, one after the other.
    text: Vec<u8>,
    text_bytes: usize,
    /// Where in `text` each cell ends.
    ends: Vec<usize>,
    cells: usize,
    /// Unread bytes that the parser has processed.
    scanned_bytes: usize,
    /// Where the record starts; `None` before its first byte was seen.
    started_on_line: Option<u64>,
    is_too_long: bool,
    /// The record ended with a carriage return. A following line feed belongs to its line break.
    after_return: bool,
    is_cut_off: bool,
}

/// What ends a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    LineBreak,
    FileEnd,
    /// The end of the file, while a quote is open.
    FileEndInQuotes,
}

impl CsvRecords {
    /// Reads with these columns. Without columns, the first record is the header line.
    pub(super) fn new(columns: Columns) -> Self {
        // One byte more, because the parser gets a line break at the end of the file.
        let mut text = vec![0; SCAN_BYTES_MAX + 1];
        // Each byte ends at most one cell.
        let mut ends = vec![0; SCAN_BYTES_MAX + 1];
        let mut parser = csv_core::Reader::new();
        // The parser looks for a byte order mark in its first bytes, which may come from the middle
        // of a file. So its first bytes are a blank line.
        parser.read_record(b"\n", &mut text, &mut ends);
        Self {
            parser,
            columns,
            text,
            text_bytes: 0,
            ends,
            cells: 0,
            scanned_bytes: 0,
            started_on_line: None,
            is_too_long: false,
            after_return: false,
            is_cut_off: false,
        }
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    /// The names of the columns. Empty before the header line was read.
    pub(super) fn header(&self) -> Vec<String> {
        self.columns.0.iter().map(|column| column.name.clone()).collect()
    }

    pub(super) fn next(&mut self, source: &mut Source) -> Result<Option<Record>, UnreadableFile> {
        if self.columns.0.is_empty() {
            let Some((_, ending)) = self.find_record(source) else { return Ok(None) };
            self.columns = self.read_header(source, ending)?;
            self.pass_record(source);
        }
        let Some((line, ending)) = self.find_record(source) else { return Ok(None) };
        let member = self.read_member(source, ending);
        self.is_cut_off = member.as_ref().is_err_and(|fault| fault.is_cut_off);
        self.pass_record(source);
        Ok(Some(Record { line, member: member.map_err(|fault| fault.at(line)) }))
    }

    /// The line and the ending of the next record. `None` while more bytes are needed.
    fn find_record(&mut self, source: &mut Source) -> Option<(u64, Ending)> {
        let line = self.start_record(source)?;
        while !self.after_return {
            let unread = source.unread().get(self.scanned_bytes..).unwrap_or_default();
            let fresh = unread.get(..SCAN_BYTES_MAX - self.scanned_bytes).unwrap_or(unread);
            if fresh.is_empty() {
                if !source.has_ended() {
                    return None;
                }
                // A line break ends every record, unless a quote is open.
                let (_, is_over) = self.parse(b"\n");
                let ending = if is_over { Ending::FileEnd } else { Ending::FileEndInQuotes };
                return Some((line, ending));
            }
            let (scanned_bytes, is_over) = self.parse(fresh);
            self.scanned_bytes += scanned_bytes;
            if is_over {
                self.after_return =
                    scanned_bytes > 0 && fresh.get(scanned_bytes - 1) == Some(&b'\r');
                if !self.after_return {
                    return Some((line, Ending::LineBreak));
                }
            } else if self.scanned_bytes == SCAN_BYTES_MAX {
                self.is_too_long = true;
                source.pass(self.scanned_bytes);
                self.forget_scanned();
            }
        }
        // A reader that resumed between the two bytes of a CRLF would see a blank line.
        match source.unread().get(self.scanned_bytes) {
            Some(b'\n') => self.scanned_bytes += 1,
            Some(_) => {}
            None if source.has_ended() => {}
            None => return None,
        }
        Some((line, Ending::LineBreak))
    }

    /// Skips blank lines and returns the line on which the record starts.
    fn start_record(&mut self, source: &mut Source) -> Option<u64> {
        if self.started_on_line.is_none() {
            let unread = source.unread();
            let blank_bytes =
                unread.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let is_there = blank_bytes < unread.len();
            source.pass(blank_bytes);
            self.started_on_line = is_there.then(|| source.line());
        }
        self.started_on_line
    }

    /// Gives bytes to the parser. Returns how many it took, and whether the record is complete.
    fn parse(&mut self, bytes: &[u8]) -> (usize, bool) {
        let (result, read_bytes, text_bytes, cells) = self.parser.read_record(
            bytes,
            self.text.get_mut(self.text_bytes..).unwrap_or_default(),
            self.ends.get_mut(self.cells..).unwrap_or_default(),
        );
        self.text_bytes += text_bytes;
        self.cells += cells;
        (read_bytes, matches!(result, ReadRecordResult::Record))
    }

    fn pass_record(&mut self, source: &mut Source) {
        source.pass(self.scanned_bytes);
        source.set_mark();
        self.forget_scanned();
        self.started_on_line = None;
        self.is_too_long = false;
        self.after_return = false;
    }

    fn forget_scanned(&mut self) {
        self.scanned_bytes = 0;
        self.text_bytes = 0;
        self.cells = 0;
    }

    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends.iter().take(self.cells).map(move |&end| {
            let cell = self.text.get(from..end).unwrap_or_default();
            from = end;
            cell
        })
    }

    fn defect(&self, source: &Source, ending: Ending) -> Option<Defect> {
        if ending == Ending::FileEndInQuotes {
            return Some(Defect::OpenQuotes);
        }
        if self.is_too_long {
            return Some(Defect::TooLong);
        }
        let written = source.unread().get(..self.scanned_bytes).unwrap_or_default();
        let written = written.strip_suffix(b"\n").unwrap_or(written);
        let written = written.strip_suffix(b"\r").unwrap_or(written);
        misquoted(written, self.cells()).map(Defect::Misquoted)
    }

    fn read_header(&self, source: &Source, ending: Ending) -> Result<Columns, UnreadableFile> {
        match self.defect(source, ending) {
            Some(Defect::TooLong) => return Err(UnreadableFile::HeaderTooLong),
            Some(Defect::OpenQuotes | Defect::Misquoted(_)) => {
                return Err(UnreadableFile::HeaderMisquoted);
            }
            None => {}
        }
        let names =
            self.cells().map(|cell| str::from_utf8(cell).map(|name| name.trim().to_owned()));
        Columns::named(names.collect::<Result<_, _>>().map_err(|_| UnreadableFile::HeaderNotUtf8)?)
    }

    fn read_member(&self, source: &Source, ending: Ending) -> Result<Member, Fault> {
        let columns = &self.columns.0;
        match self.defect(source, ending) {
            Some(Defect::OpenQuotes) => {
                return Err(Fault::cut_off(
                    "has a quote that never closes: the file ends inside it",
                ));
            }
            Some(Defect::TooLong) => return Err(Fault::too_long()),
            Some(Defect::Misquoted(at)) => {
                let detail = "has a misplaced quote; enclose the whole value in quotes, and double \
                              each quote inside";
                return Err(match columns.get(at) {
                    Some(column) => Fault::of_field(&column.name, detail),
                    None => Fault::of_record(detail),
                });
            }
            None => {}
        }
        if self.cells != columns.len() {
            let is_cut_off = self.cells < columns.len() && ending == Ending::FileEnd;
            let detail = format!(
                "has a field count of {}; must be {}, as in the header line{}",
                self.cells,
                columns.len(),
                if is_cut_off { " (the file ends here: is it complete?)" } else { "" }
            );
            return Err(if is_cut_off { Fault::cut_off(detail) } else { Fault::of_record(detail) });
        }

        let mut member =
            Member { id: String::new(), phone: None, timezone: None, variables: BTreeMap::new() };
        for (column, cell) in columns.iter().zip(self.cells()) {
            let text = str::from_utf8(cell)
                .map_err(|_| Fault::of_field(&column.name, NOT_UTF8))?
                .to_owned();
            match column.meaning {
                Meaning::Id => member.id = checked_id(text)?,
                Meaning::Phone => member.phone = unless_blank(text),
                Meaning::Timezone => member.timezone = unless_blank(text),
                Meaning::Variable => {
                    member.variables.insert(column.name.clone(), text);
                }
            }
        }
        Ok(member)
    }
}

/// Why a record cannot be split into cells.
enum Defect {
    TooLong,
    OpenQuotes,
    /// A quote of this cell, counted from 0, is misplaced.
    Misquoted(usize),
}

/// The columns of the header line. Their names differ, and one of them is `id`.
#[derive(Default)]
pub(super) struct Columns(Vec<Column>);

struct Column {
    name: String,
    meaning: Meaning,
}

enum Meaning {
    Id,
    Phone,
    Timezone,
    Variable,
}

impl Columns {
    pub(super) fn named(names: Vec<String>) -> Result<Self, UnreadableFile> {
        let mut known = BTreeSet::new();
        for (at, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(UnreadableFile::UnnamedColumn { position: at + 1 });
            }
            if !known.insert(name) {
                return Err(UnreadableFile::DuplicateColumn { name: shown(name) });
            }
        }
        if !names.iter().any(|name| name == "id") {
            return Err(UnreadableFile::NoIdColumn);
        }
        let columns = names.into_iter().map(|name| {
            let meaning = match name.as_str() {
                "id" => Meaning::Id,
                "phone" => Meaning::Phone,
                "timezone" => Meaning::Timezone,
                _ => Meaning::Variable,
            };
            Column { name, meaning }
        });
        Ok(Self(columns.collect()))
    }
}

/// The first cell, counted from 0, whose quotes RFC 4180 does not allow. The parser accepts
/// misplaced quotes, and might then put one member's name beside another member's phone number.
fn misquoted<'a>(written: &[u8], cells: impl Iterator<Item = &'a [u8]>) -> Option<usize> {
    if !written.contains(&b'"') {
        return None;
    }
    let mut rest = written;
    for (at, cell) in cells.enumerate() {
        let after_cell = match rest.strip_prefix(b"\"") {
            Some(quoted) => after_quoted(quoted, cell),
            None if cell.contains(&b'"') => None,
            None => rest.strip_prefix(cell),
        };
        rest = match after_cell {
            Some([b',', after_comma @ ..]) => after_comma,
            Some([]) => &[],
            Some(_) | None => return Some(at),
        };
    }
    None
}

/// What follows a quoted cell with the value `cell` in `written`, which starts after the cell's
/// opening quote. `None` when `written` does not start with such a cell.
fn after_quoted<'a>(written: &'a [u8], cell: &[u8]) -> Option<&'a [u8]> {
    let mut rest = written;
    for &byte in cell {
        let as_written: &[u8] = if byte == b'"' { b"\"\"" } else { &[byte] };
        rest = rest.strip_prefix(as_written)?;
    }
    rest.strip_prefix(b"\"")
}
