//! Objects of which one field says which further fields they have.
//!
//! Serde reads its own tagged enums from a copy, in which an error has no path, an unknown field is
//! not noticed, and a list counts as an object. So such an object is read as the union of all
//! types' fields. A request's error then names the field within the object.

use serde::de::Error;

/// The value of a field that the type needs.
///
/// # Errors
/// The field is missing.
pub(super) fn present<T, E: Error>(field: &'static str, value: Option<T>) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(field))
}

/// Refuses the first of these fields that is there. `known` are the type's own fields.
///
/// # Errors
/// The field is unknown.
pub(super) fn absent<E: Error>(
    fields: &[(&'static str, bool)],
    known: &'static [&'static str],
) -> Result<(), E> {
    match fields.iter().find(|(_, is_there)| *is_there) {
        Some((field, _)) => Err(E::unknown_field(field, known)),
        None => Ok(()),
    }
}
