//! Results of the end-to-end tests. People read their errors, so the errors are text.

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The result of a story: a remark for the closing table, or why the story failed.
pub type StoryResult = Result<String>;

/// Returns an error unless `holds`.
pub fn ensure(holds: bool, error: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(error().into()) }
}
