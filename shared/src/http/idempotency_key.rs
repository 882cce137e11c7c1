//! The header `Idempotency-Key`.

use axum::http::HeaderMap;

use super::headers::single_header;
use super::problem::Problem;
use crate::domain::FieldError;

const FIELD: &str = "Idempotency-Key";
const CHARACTERS_MAX: usize = 255;

/// The key of a request that creates something.
///
/// The IETF's draft writes a key in quotes, and many clients write it without. Both are one key. A
/// key has no comma, because API Gateway joins two headers with one; and no quotes and no backslash,
/// so that it needs no escapes.
///
/// # Errors
/// The problem names the header, and says what is wrong with it.
pub fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let sent = single_header(headers, FIELD)?;
    let key = read(sent).map_err(|wrong| {
        let detail = format!(
            "{wrong}; must be 1 to {CHARACTERS_MAX} visible ASCII characters, with or without \
             quotes around them, that identify this request, such as an order number: a repeated \
             request with the same key sends nothing twice"
        );
        Problem::malformed(FieldError::new(FIELD, detail))
    })?;
    Ok(key.to_owned())
}

/// The error is what is wrong.
fn read(sent: Option<&str>) -> Result<&str, String> {
    let sent = sent.ok_or("is missing")?;
    let key = match sent.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').ok_or("begins with a quote that never closes")?,
        None => sent,
    };
    let characters = key.chars().count();
    if let Some(wrong) = key.chars().find(|character| !is_permitted(*character)) {
        return Err(match wrong {
            ',' => "has a comma, as two keys have that were joined".to_owned(),
            ' ' => "has a space".to_owned(),
            '"' => "has a quote inside".to_owned(),
            _ => "has a character that a key must not have".to_owned(),
        });
    }
    match characters {
        0 => Err("is empty".to_owned()),
        1..=CHARACTERS_MAX => Ok(key),
        _ => Err(format!("has {characters} characters")),
    }
}

fn is_permitted(character: char) -> bool {
    character.is_ascii_graphic() && !matches!(character, ',' | '"' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_and_without_quotes() {
        let longest = "k".repeat(255);
        for key in ["order-17", "8e03978e-40d5-43e8-bc93-6894a57f9324", "a:b/c;d=e", &longest] {
            assert_eq!(read(Some(key)), Ok(key));
            let quoted = format!("\"{key}\"");
            assert_eq!(read(Some(&quoted)), Ok(key));
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_cause() {
        let too_long = "k".repeat(256);
        for (sent, expected) in [
            (None, "is missing"),
            (Some(""), "is empty"),
            (Some("\"\""), "is empty"),
            (Some("\""), "begins with a quote that never closes"),
            (Some("\"k"), "begins with a quote that never closes"),
            (Some("k\""), "has a quote inside"),
            (Some("\"a\"b\""), "has a quote inside"),
            (Some("a,b"), "has a comma, as two keys have that were joined"),
            (Some("\"a\", \"b\""), "has a quote inside"),
            (Some("\"a,b\""), "has a comma, as two keys have that were joined"),
            (Some("a b"), "has a space"),
            (Some("a\\b"), "has a character that a key must not have"),
            (Some("a\tb"), "has a character that a key must not have"),
            (Some(too_long.as_str()), "has 256 characters"),
        ] {
            assert_eq!(read(sent), Err(expected.to_owned()), "{sent:?}");
        }
    }
}
