//! Phone numbers: normalised to E.164 when they come in, masked in logs.
//!
//! No library does this. The crates that know the numbering plans of all countries add several
//! hundred kilobytes of tables to every binary that reads a number, and a function's zip file may
//! have 3 MB. Only Korea's plan is known here. A number abroad is checked by its length alone, and
//! its provider knows the rest.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The country code of Korea. No other country's code begins with these digits.
const KOREA: &str = "82";

/// In Korea a call abroad begins with the code of a carrier. These codes would be read as 00 and
/// the beginning of a country code, and the number as another person's.
const CARRIERS: [&str; 3] = ["001", "002", "00700"];

/// A phone number in E.164: `+`, the country code and the national number, 8 to 15 digits in all.
///
/// `Debug` and `Display` mask it, so that no log shows a number by accident.
/// [`PhoneNumber::expose`] gives the whole number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// Does not quote the text: it may be most of a phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the phone number of a person, in Korea with the leading 0 (010-xxxx-xxxx), or anywhere \
     with + and the country code (+82 10 xxxx xxxx); spaces, hyphens, dots and parentheses may \
     separate the digits"
)]
pub struct MalformedPhoneNumber;

impl PhoneNumber {
    /// The whole number in E.164, for the provider's request.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_korean(&self) -> bool {
        self.korean_rest().is_some()
    }

    /// The whole number as people dial it inside Korea, such as `01090010000`; `None` for a number
    /// abroad.
    #[must_use]
    pub fn korean_national(&self) -> Option<String> {
        self.korean_rest().map(|rest| format!("0{rest}"))
    }

    /// The digits behind Korea's country code.
    fn korean_rest(&self) -> Option<&str> {
        self.0.strip_prefix('+')?.strip_prefix(KOREA)
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = MalformedPhoneNumber;

    fn try_from(text: String) -> Result<Self, MalformedPhoneNumber> {
        e164(&text).map(Self).ok_or(MalformedPhoneNumber)
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

/// The E.164 form of a number in any spelling; `None` when the text is no person's number.
fn e164(text: &str) -> Option<String> {
    let kept = without_separators(text)?;
    if CARRIERS.iter().any(|carrier| kept.starts_with(carrier)) {
        return None;
    }
    // 00 is the prefix for calls abroad, which + stands for.
    let Some(digits) = kept.strip_prefix('+').or_else(|| kept.strip_prefix("00")) else {
        return korean(kept.strip_prefix('0')?);
    };
    match digits.strip_prefix(KOREA) {
        // The leading 0 of the national form is often written too: +82 (0)10 ….
        Some(rest) => korean(rest.strip_prefix('0').unwrap_or(rest)),
        None => is_abroad(digits).then(|| format!("+{digits}")),
    }
}

/// The digits of a text, with a `+` if the first of them has one before it; `None` when the text
/// has anything else but separators.
fn without_separators(text: &str) -> Option<String> {
    let mut kept = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '+' if kept.is_empty() => kept.push('+'),
            '0'..='9' => kept.push(character),
            ' ' | '-' | '.' | '(' | ')' => {}
            _ => return None,
        }
    }
    Some(kept)
}

/// The Korean number with these digits behind the leading 0.
fn korean(rest: &str) -> Option<String> {
    is_korean(rest).then(|| format!("+{KOREA}{rest}"))
}

/// Whether a person in Korea can have the number with these digits behind the leading 0. The
/// representative numbers of companies (15xx, 16xx, 18xx) have no leading 0: they send messages
/// and receive none.
fn is_korean(rest: &str) -> bool {
    let code_digits = match rest.as_bytes() {
        // The mobile numbers of today.
        [b'1', b'0', ..] => return rest.len() == 10,
        // Seoul.
        [b'2', ..] => 1,
        // Older mobile numbers.
        [b'1', b'1' | b'6'..=b'9', ..]
        // The other area codes.
        | [b'3', b'1'..=b'3', ..]
        | [b'4' | b'6', b'1'..=b'4', ..]
        | [b'5', b'1'..=b'5', ..]
        // Numbers over the internet, and numbers for which the called side pays.
        | [b'7' | b'8', b'0', ..] => 2,
        // Personal numbers, which are forwarded to another number.
        [b'5', b'0', _, ..] => 3,
        _ => return false,
    };
    matches!(rest.len() - code_digits, 7 | 8)
}

/// Whether a number outside Korea can have these digits, the country code included.
fn is_abroad(digits: &str) -> bool {
    (8..=15).contains(&digits.len()) && !digits.starts_with('0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, MalformedPhoneNumber> {
        PhoneNumber::try_from(text.to_owned()).map(String::from)
    }

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::try_from(text.to_owned()).expect("a phone number")
    }

    #[test]
    fn all_spellings_of_a_number_are_one_number() {
        for text in [
            "010-9001-0000",
            "010 9001 0000",
            "010.9001.0000",
            "(010) 9001-0000",
            " 01090010000 ",
            "+821090010000",
            "+82 10-9001-0000",
            "+82 (0)10 9001 0000",
            "+82-010-9001-0000",
            "(+82) 10 9001 0000",
            "0082 10 9001 0000",
            "00821090010000",
        ] {
            assert_eq!(parse(text).as_deref(), Ok("+821090010000"), "{text}");
        }
    }

    #[test]
    fn every_kind_of_a_persons_number_in_korea_is_accepted() {
        for (text, normalised) in [
            ("010-1234-5678", "+821012345678"),
            ("011-123-4567", "+82111234567"),
            ("019-1234-5678", "+821912345678"),
            ("02-123-4567", "+8221234567"),
            ("02-1234-5678", "+82212345678"),
            ("031-123-4567", "+82311234567"),
            ("064-1234-5678", "+826412345678"),
            ("070-1234-5678", "+827012345678"),
            ("080-123-4567", "+82801234567"),
            ("0505-123-4567", "+825051234567"),
            ("0505-1234-5678", "+8250512345678"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(normalised), "{text}");
        }
    }

    #[test]
    fn a_number_abroad_needs_its_country_code() {
        for (text, normalised) in [
            ("+1 (212) 555-0123", "+12125550123"),
            ("0044 20 7946 0123", "+442079460123"),
            ("007 495 123 4567", "+74951234567"),
            ("+44 20 7946 0123", "+442079460123"),
            ("+81 90 1234 5678", "+819012345678"),
            ("+12345678", "+12345678"),
            ("+123456789012345", "+123456789012345"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(normalised), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_persons_number_are_refused() {
        for text in [
            "",
            "+",
            "00",
            "010",
            "1234567",
            // Without the leading 0 it could be a number of any country.
            "1012345678",
            "821012345678",
            "082 10 1234 5678",
            "00000000",
            "000000000000",
            "+00000000",
            "+010 1234 5678",
            "010-123-456",
            "010-123-4567",
            "+82 10-123-4567",
            "0082 10-123-4567",
            // Codes of carriers.
            "001 82 10 9001 0000",
            "002 82 10 9001 0000",
            "00700 82 10 9001 0000",
            "001 212 555 0123",
            "010-1234-56789",
            "+82 10-1234-56789",
            "+82 0010 1234 5678",
            "015-1234-5678",
            "060-700-1234",
            "039-123-4567",
            "050-1234-567",
            // Representative numbers of companies.
            "1588-1234",
            "1644-1234",
            "1899-1234",
            "+82 1588 1234",
            "+1234567",
            "+1234567890123456",
            "010-1234-567x",
            "010_1234_5678",
            "010-1234-5678 (집)",
            "０１０１２３４５６７８",
            "8+21012345678",
            "++821012345678",
            "0+1012345678",
            "01012345678\n01012345679",
        ] {
            assert_eq!(parse(text), Err(MalformedPhoneNumber), "{text}");
        }
    }

    #[test]
    fn a_stored_number_in_the_national_form_is_still_read() {
        let stored: PhoneNumber = serde_json::from_str("\"01012345678\"").expect("a number");
        assert_eq!(stored.expose(), "+821012345678");
        assert_eq!(serde_json::to_string(&stored).expect("JSON"), "\"+821012345678\"");
    }

    #[test]
    fn only_a_korean_number_has_a_national_form() {
        let korean = number("+82 10-9001-0000");
        assert!(korean.is_korean());
        assert_eq!(korean.korean_national().as_deref(), Some("01090010000"));
        let abroad = number("+81 90 1234 5678");
        assert!(!abroad.is_korean());
        assert_eq!(abroad.korean_national(), None);
    }

    #[test]
    fn only_the_last_two_digits_are_printed() {
        let number = number("01012345678");
        assert_eq!(number.to_string(), "***********78");
        assert_eq!(format!("{number:?}"), "PhoneNumber(***********78)");
    }

    #[test]
    fn the_error_names_both_accepted_forms_and_quotes_no_number() {
        let error = parse("010-1234-567x").expect_err("malformed").to_string();
        for form in ["010-xxxx-xxxx", "+82 10 xxxx xxxx"] {
            assert!(error.contains(form), "{error}");
        }
        assert!(!error.contains("1234"), "{error}");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in "[+]?(82|00|0)?[0-9 ().-]{6,16}") {
            if let Ok(once) = parse(&text) {
                prop_assert_eq!(parse(&once), Ok(once));
            }
        }

        #[test]
        fn a_normalised_number_is_e164(text in "[+]?(82|00|0)?[0-9 ().-]{6,16}") {
            if let Ok(number) = parse(&text) {
                let digits = number.strip_prefix('+').expect("a plus");
                prop_assert!((8..=15).contains(&digits.len()));
                prop_assert!(digits.bytes().all(|b| b.is_ascii_digit()));
                prop_assert!(!digits.starts_with('0'));
            }
        }

        #[test]
        fn the_national_form_is_the_same_number(rest in "10[0-9]{8}|1[16-9][0-9]{7,8}") {
            let national = format!("0{rest}");
            let number = number(&national);
            prop_assert_eq!(number.expose(), format!("+82{rest}"));
            prop_assert_eq!(number.korean_national(), Some(national));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC*") {
            let _parsed = parse(&text);
        }
    }
}
