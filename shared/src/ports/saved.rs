//! The result of a conditional write.

/// Whether a conditional write was made. A lost race is a value, not an error.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    Done,
    /// Another writer changed the item first: load it again and decide again.
    Conflict,
}
