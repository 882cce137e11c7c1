//! What is wrong with one field of something that was sent in.

/// A field that its sender has to change, with what was wrong and what to send instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct FieldError {
    /// The field's path as it was sent: `to.phone`, `steps[1].template`.
    pub field: String,
    /// Goes on where the field's name ends: `is 301; must be 1 to 300`.
    pub detail: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }

    /// An error in a field, unless the field holds what it must.
    pub(super) fn unless(holds: bool, field: &str, detail: impl Into<String>) -> Option<Self> {
        (!holds).then(|| Self::new(field, detail))
    }

    /// The same error in a field of `outer`: `phone` within `to` is `to.phone`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }
}
