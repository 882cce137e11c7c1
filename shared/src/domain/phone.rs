//! Phone numbers: validated when they come in, masked in logs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A phone number as providers take it: digits only, with a leading `+` when international.
///
/// `Debug` and `Display` mask it, so that no log shows a number by accident.
/// [`PhoneNumber::expose`] gives the whole number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// Does not quote the text: it may be most of a phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a phone number: 8 to 15 digits, with an optional leading + and separated only by spaces, hyphens or parentheses"
)]
pub struct MalformedPhoneNumber;

impl PhoneNumber {
    /// The whole number, for the provider's request.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = MalformedPhoneNumber;

    fn try_from(text: String) -> Result<Self, MalformedPhoneNumber> {
        let mut kept = String::with_capacity(text.len());
        for (at, character) in text.trim().chars().enumerate() {
            match character {
                '+' if at == 0 => kept.push('+'),
                '0'..='9' => kept.push(character),
                ' ' | '-' | '(' | ')' => {}
                _ => return Err(MalformedPhoneNumber),
            }
        }
        // E.164 allows 15 digits; Bizppurio's `to` allows 16 characters.
        let digits = kept.trim_start_matches('+').len();
        if (8..=15).contains(&digits) { Ok(Self(kept)) } else { Err(MalformedPhoneNumber) }
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown_from = self.0.len() - 2;
        write!(f, "{}{}", "*".repeat(shown_from), &self.0[shown_from..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, MalformedPhoneNumber> {
        PhoneNumber::try_from(text.to_owned()).map(String::from)
    }

    #[test]
    fn separators_are_removed_and_digits_kept() {
        assert_eq!(parse("010-1234-5678"), Ok("01012345678".into()));
        assert_eq!(parse("+82 (0)10 1234 5678"), Ok("+8201012345678".into()));
    }

    #[test]
    fn texts_that_are_no_phone_number_are_refused() {
        for text in [
            "",
            "010",
            "1234567",
            "010-1234-567x",
            "０１０１２３４５６７８",
            "8+21012345678",
            "1234567890123456",
        ] {
            assert_eq!(parse(text), Err(MalformedPhoneNumber), "{text}");
        }
    }

    #[test]
    fn only_the_last_two_digits_are_printed() {
        let number = PhoneNumber::try_from("01012345678".to_owned()).expect("a number");
        assert_eq!(number.to_string(), "*********78");
        assert_eq!(format!("{number:?}"), "PhoneNumber(*********78)");
    }
}
