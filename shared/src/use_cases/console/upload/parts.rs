//! Whether a part may be added to an upload, and whether the upload is complete.

use crate::domain::FieldError;
use crate::ports::UploadPart;

/// Checks that a part may still be added, before anything of it is stored.
pub(super) fn check_addable(part: &UploadPart, known: &[UploadPart]) -> Result<(), FieldError> {
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

/// How many members all parts have together.
///
/// # Errors
/// The parts leave a line out, or have a line in common.
pub(super) fn complete_size(last: &UploadPart, known: &[UploadPart]) -> Result<u64, FieldError> {
    let others =
        known.iter().filter(|known| known.is_stored && known.first_line != last.first_line);
    let mut parts: Vec<&UploadPart> = others.chain([last]).collect();
    parts.sort_by_key(|part| part.first_line);
    let mut next_line = 1;
    for part in &parts {
        if part.first_line > next_line {
            let must = format!(
                "must follow on the parts before it: lines {next_line} to {} are missing. Send \
                 them, and then this part again",
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
        return Err(FieldError::new("complete", "must be sent with the last part"));
    }
    Ok(parts.iter().map(|part| part.members).sum())
}

pub(super) fn other_content(first_line: u64) -> FieldError {
    let must = format!(
        "must be the line after the part before it: the part from line {first_line} on is stored \
         already, with other content. Begin a new upload to change it"
    );
    FieldError::new("first_line", must)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_upload_is_complete_when_its_parts_leave_no_line_out() {
        assert_eq!(complete_size(&lines(1, 5), &[]), Ok(10));
        assert_eq!(complete_size(&lines(6, 5), &[lines(1, 5)]), Ok(20));
        assert_eq!(complete_size(&lines(6, 5), &[lines(1, 5), lines(6, 5)]), Ok(20));
        let field =
            |last, known: &[UploadPart]| complete_size(&last, known).expect_err("a fault").field;
        assert_eq!(field(lines(7, 5), &[lines(1, 5)]), "first_line");
        let not_stored = UploadPart { is_stored: false, ..lines(1, 5) };
        assert_eq!(field(lines(6, 5), &[not_stored]), "first_line");
        assert_eq!(field(lines(5, 5), &[lines(1, 5)]), "first_line");
        assert_eq!(field(lines(1, 5), &[lines(6, 5)]), "complete");
    }
}
