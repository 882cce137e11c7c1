//! Why a person overrules something.

use super::field_error::FieldError;

/// The most characters of a reason.
pub const REASON_CHARACTERS_MAX: usize = 500;

/// A reason that a person gave, for the records. It is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedReason(String);

impl StatedReason {
    /// # Errors
    /// [`FieldError`] of the field `reason`, when the text is blank or too long.
    pub fn new(text: String) -> Result<Self, FieldError> {
        let characters = text.chars().count();
        if text.trim().is_empty() || characters > REASON_CHARACTERS_MAX {
            let detail = format!(
                "has {characters} characters; must say why, in 1 to {REASON_CHARACTERS_MAX} characters"
            );
            return Err(FieldError::new("reason", detail));
        }
        Ok(Self(text))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_text_and_at_most_500_characters() {
        assert!(StatedReason::new("왜".repeat(500)).is_ok());
        for text in [String::new(), " \n".to_owned(), "왜".repeat(501)] {
            assert_eq!(StatedReason::new(text).expect_err("refused").field, "reason");
        }
    }
}
