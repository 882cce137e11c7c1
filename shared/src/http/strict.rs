//! The strict reader: documents as clients and operators write them.

use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;

use super::json_reader::Reader;
use super::json_tree::{NoTree, read_tree};
use crate::domain::FieldError;

/// Why a document cannot be read.
#[derive(Debug)]
pub enum Unreadable<E> {
    /// One of its fields is at fault.
    Fault(FieldError),
    /// The text is not of its format.
    Malformed(E),
}

/// Reads a document of any format. A field that a `T` does not have, a field that is there twice,
/// and a list where an object belongs are errors.
///
/// # Errors
/// [`Unreadable`] names the first field at fault by its path: `limit.per_second`.
pub fn deserialize_strictly<'de, T, D>(deserializer: D) -> Result<T, Unreadable<D::Error>>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    match read_tree(deserializer) {
        Ok(value) => read_strictly(value).map_err(Unreadable::Fault),
        Err(NoTree::Fault(fault)) => Err(Unreadable::Fault(fault.into_field_error())),
        Err(NoTree::Malformed(error)) => Err(Unreadable::Malformed(error)),
    }
}

/// Reads a tree that has no field twice.
///
/// # Errors
/// Names the first field at fault by its path.
pub(super) fn read_strictly<T: DeserializeOwned>(value: Value) -> Result<T, FieldError> {
    T::deserialize(Reader(value)).map_err(super::json_error::ReadError::into_field_error)
}

#[cfg(test)]
mod tests;
