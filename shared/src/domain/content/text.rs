//! How the texts of a content are visited.

/// Maps a text that may be absent.
pub(super) fn optional<E>(
    map: &mut impl FnMut(&str, &str) -> Result<String, E>,
    path: &str,
    text: Option<&str>,
) -> Result<Option<String>, E> {
    text.map(|text| map(path, text)).transpose()
}
