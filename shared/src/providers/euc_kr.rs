//! The characters of EUC-KR as Korea's carriers and browsers understand it: KS X 1001 with all
//! modern Hangul syllables (code page 949).
//!
//! Only lengths are needed here. A crate that encodes would add the tables of all other encodings
//! to the binaries, a tenth of a megabyte.

/// One bit for each character of Unicode's first 65,536 that is neither ASCII nor a Hangul
/// syllable.
static OTHERS: [u64; 1024] = bits(include_str!("euc_kr.txt"));

/// How many bytes a text has in EUC-KR; `None` when EUC-KR lacks one of its characters.
pub(super) fn length_bytes(text: &str) -> Option<usize> {
    text.chars().map(width_bytes).sum()
}

fn width_bytes(character: char) -> Option<usize> {
    match character {
        '\0'..='\x7f' => Some(1),
        '가'..='힣' => Some(2),
        other => {
            let code = other as usize;
            let bits = OTHERS.get(code / 64)?;
            (bits >> (code % 64) & 1 == 1).then_some(2)
        }
    }
}

/// Reads the characters of a text at compile time. Each has at most three bytes in UTF-8.
const fn bits(text: &str) -> [u64; 1024] {
    let text = text.as_bytes();
    let mut bits = [0; 1024];
    let mut at = 0;
    while at < text.len() {
        let (code, length) = match text[at] {
            first @ 0..0x80 => (first as usize, 1),
            first @ 0x80..0xe0 => ((first as usize & 0x1f) << 6 | low(text[at + 1]), 2),
            first => {
                let high = (first as usize & 0x0f) << 12;
                (high | low(text[at + 1]) << 6 | low(text[at + 2]), 3)
            }
        };
        bits[code / 64] |= 1 << (code % 64);
        at += length;
    }
    bits
}

/// The six bits of a character in a byte that is not its first.
const fn low(byte: u8) -> usize {
    byte as usize & 0x3f
}

#[cfg(test)]
mod tests {
    use encoding_rs::EUC_KR;

    use super::*;

    fn encoded_length(text: &str) -> Option<usize> {
        let (encoded, _, has_unmappable) = EUC_KR.encode(text);
        (!has_unmappable).then_some(encoded.len())
    }

    #[test]
    fn the_widths_are_those_of_the_encoding_standard() {
        // No character beyond the first 65,536 is in EUC-KR; a part of them is enough.
        let beyond = ('\u{10000}'..=char::MAX).step_by(97);
        for character in ('\0'..='\u{ffff}').chain(beyond) {
            let text = character.to_string();
            assert_eq!(length_bytes(&text), encoded_length(&text), "{character:?}");
        }
    }

    #[test]
    fn a_texts_length_is_the_sum_of_its_characters() {
        for text in ["", "a가漢①", "한 줄\n두 줄", "가😀", "😀"] {
            assert_eq!(length_bytes(text), encoded_length(text), "{text}");
        }
        assert_eq!(length_bytes("a가漢①"), Some(7));
        assert_eq!(length_bytes("가😀"), None);
    }
}
