//! Names that somebody else chose, as messages may contain them.

/// A name of limited length and on one line.
#[must_use]
pub fn shown(name: &str) -> String {
    const CHARACTERS_MAX: usize = 64;
    let visible = |character: char| {
        if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }
    };
    let mut shown: String = name.chars().take(CHARACTERS_MAX).map(visible).collect();
    if name.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_a_control_character_is_replaced() {
        assert_eq!(shown("이름"), "이름");
        assert_eq!(shown("a\nb"), "a\u{fffd}b");
        assert_eq!(shown(&"가".repeat(64)), "가".repeat(64));
        assert_eq!(shown(&"가".repeat(65)), format!("{}…", "가".repeat(64)));
    }
}
