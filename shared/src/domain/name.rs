//! Names of channels, templates, schedules, audiences and uploads.

/// What [`is_name`] asks of a text.
pub const MUST_BE_A_NAME: &str = "must be 1 to 64 characters of a-z, 0-9 and -";

/// Whether a text can be a name. Names become parts of keys, whose parts are separated by `#`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_inside_keys() {
        assert!(is_name("alimtalk-main"));
        for name in ["", "a#b", "A", "알림톡", "a b", &"a".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
