//! Attributes of a stored row that this version of the code does not know.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// The attributes that a newer version of the code added to a row. A save by this version keeps
/// them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UnknownAttributes(pub BTreeMap<String, Value>);

/// Shows the names only: the values may hold texts or numbers, which no log line may contain.
impl fmt::Debug for UnknownAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
