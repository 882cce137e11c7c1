//! Reads the body of an upload request.

use std::slice::Chunks;

use crate::domain::FieldError;
use crate::domain::audience::file::{AudienceFormat, MemberReader, Record};

/// How many bytes the reader receives at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The records of a body, in order.
pub(super) struct BodyReader<'a> {
    reader: MemberReader,
    chunks: Chunks<'a, u8>,
    is_finished: bool,
}

impl<'a> BodyReader<'a> {
    pub(super) fn new(format: AudienceFormat, body: &'a [u8]) -> Self {
        Self {
            reader: MemberReader::new(format),
            chunks: body.chunks(CHUNK_BYTES),
            is_finished: false,
        }
    }

    /// The next record; `None` at the end of the body.
    ///
    /// # Errors
    /// The body as a whole cannot be read.
    pub(super) fn next_record(&mut self) -> Result<Option<Record>, FieldError> {
        loop {
            let next = self
                .reader
                .next_record()
                .map_err(|unreadable| FieldError::new("body", unreadable.to_string()))?;
            if next.is_some() || self.is_finished {
                return Ok(next);
            }
            if let Some(chunk) = self.chunks.next() {
                self.reader.push(chunk);
            } else {
                self.reader.finish();
                self.is_finished = true;
            }
        }
    }
}

/// Checks that the body can be read to its end, and ends after a record.
pub(super) fn check_readable(format: AudienceFormat, body: &[u8]) -> Result<(), FieldError> {
    let mut records = BodyReader::new(format, body);
    while records.next_record()?.is_some() {}
    if records.reader.is_cut_off() {
        let must = "ends in the middle of a record; must end after one. Is the file incomplete?";
        return Err(FieldError::new("body", must));
    }
    Ok(())
}

/// How many lines a body has. CRLF, LF and CR each end a line, as for the reader. Bytes after the
/// last line break are a line.
pub(super) fn line_count(bytes: &[u8]) -> u64 {
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
}
