//! RFC 4180, with a header line.

use std::collections::{BTreeMap, BTreeSet};

use csv_core::ReadRecordResult;

use super::source::Source;
use super::{
    Fault, Member, NOT_UTF8, RECORD_BYTES_MAX, Record, UnreadableFile, checked_id, shown,
    unless_blank,
};

/// The most that is given to the parser of one record: the longest one, and the first byte of its
/// line break or the one that makes it too long.
const SCAN_BYTES_MAX: usize = RECORD_BYTES_MAX + 1;

/// Cuts the file into records, takes the first for the header and reads the others by it.
pub(super) struct CsvRecords {
    parser: csv_core::Reader,
    /// None before the header line was read.
    columns: Columns,
    /// The record's cells without their quotes, one after the other.
    text: Vec<u8>,
    text_bytes: usize,
    /// Where in `text` each cell ends.
    ends: Vec<usize>,
    cells: usize,
    /// Unread bytes that the parser has had.
    scanned_bytes: usize,
    /// Where the record has started, once it has.
    started_on_line: Option<u64>,
    is_too_long: bool,
    /// The record is over; a line feed would still belong to its line break.
    after_return: bool,
    is_cut_off: bool,
}

/// What is behind a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    LineBreak,
    FileEnd,
    /// The end of the file, while a quote is open.
    FileEndInQuotes,
}

impl CsvRecords {
    /// Reads with these columns; with none, the first record names them.
    pub(super) fn new(columns: Columns) -> Self {
        // One byte more, for the line break that is given to the parser at the end of the file.
        let mut text = vec![0; SCAN_BYTES_MAX + 1];
        // Each byte ends one cell at most.
        let mut ends = vec![0; SCAN_BYTES_MAX + 1];
        let mut parser = csv_core::Reader::new();
        // The parser looks for a byte order mark in what it is given first, which may be the middle
        // of a file. A blank line takes that place.
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

    /// The names of the columns; empty before the header line was read.
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

    /// The line of the next record and its ending, once all of it is there.
    fn find_record(&mut self, source: &mut Source) -> Option<(u64, Ending)> {
        let line = self.start_record(source)?;
        while !self.after_return {
            let unread = source.unread().get(self.scanned_bytes..).unwrap_or_default();
            let fresh = unread.get(..SCAN_BYTES_MAX - self.scanned_bytes).unwrap_or(unread);
            if fresh.is_empty() {
                if !source.has_ended() {
                    return None;
                }
                // A line break ends every record but one in quotes.
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
        // Half of a CRLF would be a blank line to a reader that starts there.
        match source.unread().get(self.scanned_bytes) {
            Some(b'\n') => self.scanned_bytes += 1,
            Some(_) => {}
            None if source.has_ended() => {}
            None => return None,
        }
        Some((line, Ending::LineBreak))
    }

    /// The line on which the record starts, blank lines passed over.
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

    /// Gives bytes to the parser: how many of them it took, and whether the record is over.
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
                    "must close the quotes that it opens: the file ends within them",
                ));
            }
            Some(Defect::TooLong) => return Err(Fault::too_long()),
            Some(Defect::Misquoted(at)) => {
                let must = "must be enclosed in quotes as a whole when it has a quote in it, and \
                            have that quote twice";
                return Err(match columns.get(at) {
                    Some(column) => Fault::of_field(&column.name, must),
                    None => Fault::of_record(must),
                });
            }
            None => {}
        }
        if self.cells != columns.len() {
            let is_cut_off = self.cells < columns.len() && ending == Ending::FileEnd;
            let must = format!(
                "must have as many fields as the header line: {}, not {}{}",
                columns.len(),
                self.cells,
                if is_cut_off { " (the file ends here: is it whole?)" } else { "" }
            );
            return Err(Fault { is_cut_off, ..Fault::of_record(must) });
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

/// What keeps a record from being taken apart into cells.
enum Defect {
    TooLong,
    OpenQuotes,
    /// The quotes of this cell, counted from 0.
    Misquoted(usize),
}

/// What the header line says: names that differ, one of them `id`.
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
                return Err(UnreadableFile::DoubledColumn { name: shown(name) });
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

/// The first cell, counted from 0, whose quotes are not as RFC 4180 has them. The parser makes
/// something of every quote; with one left out or too many, that may be one member's name with
/// another's phone number.
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

/// What is left of `written` after the rest of a quoted cell that means `cell`.
fn after_quoted<'a>(written: &'a [u8], cell: &[u8]) -> Option<&'a [u8]> {
    let mut rest = written;
    for &byte in cell {
        let doubled: &[u8] = if byte == b'"' { b"\"\"" } else { &[byte] };
        rest = rest.strip_prefix(doubled)?;
    }
    rest.strip_prefix(b"\"")
}
