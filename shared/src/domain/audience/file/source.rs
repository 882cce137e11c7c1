//! The bytes of a file that were pushed and not read yet.

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A queue of bytes that counts its offset and its line in the file.
pub(super) struct Source {
    bytes: Vec<u8>,
    /// Index of the first unread byte.
    unread_from: usize,
    /// The same byte's offset in the file.
    offset: u64,
    line: u64,
    /// The byte before it was a carriage return, so a line feed belongs to the same line break.
    after_return: bool,
    /// Offset and line of the place where reading can resume.
    mark: (u64, u64),
    ended: bool,
}

impl Source {
    /// A file from the byte at `offset` on, which is the first byte of a line.
    pub(super) fn new(offset: u64, line: u64) -> Self {
        Self {
            bytes: Vec::new(),
            unread_from: 0,
            offset,
            line,
            after_return: false,
            mark: (offset, line),
            ended: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        // Draining waits until the part that was read is the larger one. So each byte that was read
        // causes at most one byte to be moved.
        if self.unread_from >= self.unread().len() {
            self.bytes.drain(..self.unread_from);
            self.unread_from = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn finish(&mut self) {
        self.ended = true;
    }

    /// Whether no more bytes come after the unread ones.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn unread(&self) -> &[u8] {
        self.bytes.get(self.unread_from..).unwrap_or_default()
    }

    /// The line of the first unread byte, counted from 1. CRLF, LF and CR each break a line.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Marks the first `count` unread bytes as read, or all of them if there are fewer.
    pub(super) fn pass(&mut self, count: usize) {
        let passed = self.unread().get(..count).unwrap_or(self.unread());
        let passed_bytes = passed.len();
        let (mut line, mut after_return) = (self.line, self.after_return);
        for &byte in passed {
            if byte == b'\r' || (byte == b'\n' && !after_return) {
                line += 1;
            }
            after_return = byte == b'\r';
        }
        (self.line, self.after_return) = (line, after_return);
        self.unread_from += passed_bytes;
        self.offset += passed_bytes as u64;
    }

    /// Skips a byte order mark at the start of the file. Returns false while too few bytes were
    /// pushed to know whether there is one.
    pub(super) fn pass_byte_order_mark(&mut self) -> bool {
        if self.offset > 0 {
            return true;
        }
        if self.unread().starts_with(BYTE_ORDER_MARK) {
            self.pass(BYTE_ORDER_MARK.len());
            return true;
        }
        self.ended || !BYTE_ORDER_MARK.starts_with(self.unread())
    }

    /// Makes the first unread byte the place where reading can resume.
    pub(super) fn set_mark(&mut self) {
        self.mark = (self.offset, self.line);
    }

    /// Offset and line of the latest mark.
    pub(super) fn mark(&self) -> (u64, u64) {
        self.mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_were_read_are_freed() {
        let mut source = Source::new(0, 1);
        for _ in 0..1_000 {
            source.push(&[b'x'; 1_000]);
            source.pass(990);
            source.pass(source.unread().len().saturating_sub(100));
        }
        assert!(source.bytes.len() <= 2_000, "{}", source.bytes.len());
        assert_eq!(source.offset, 999_900);
    }
}
