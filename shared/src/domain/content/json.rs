//! Objects whose `type` says which fields they have.
//!
//! Serde reads its own tagged enums from a copy, in which an error has no path and an unknown field
//! is not noticed. So such an object is read as the union of all types' fields. A request's error
//! then names the field within the object.

/// A field that the type needs, or does not have. In serde's words, so that it is reported as
/// serde's own errors are.
#[derive(Debug, thiserror::Error)]
pub(super) enum WrongField {
    #[error("missing field `{0}`")]
    Missing(&'static str),
    #[error("unknown field `{field}`, expected one of {known}")]
    Unknown { field: &'static str, known: &'static str },
}

/// The value of a field that the type needs.
pub(super) fn present<T>(field: &'static str, value: Option<T>) -> Result<T, WrongField> {
    value.ok_or(WrongField::Missing(field))
}

/// Refuses the first of these fields that is there. `known` names the type's own fields.
pub(super) fn absent(
    fields: &[(&'static str, bool)],
    known: &'static str,
) -> Result<(), WrongField> {
    match fields.iter().find(|(_, is_there)| *is_there) {
        Some((field, _)) => Err(WrongField::Unknown { field, known }),
        None => Ok(()),
    }
}
