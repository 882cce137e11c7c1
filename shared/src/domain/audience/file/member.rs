//! Members, and records of them, as the reader gives them.

use std::collections::BTreeMap;
use std::fmt;

use super::fault::{BadLine, Fault};
use super::format::ID_BYTES_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line on which the record starts, counted from 1.
    pub line: u64,
    pub member: Result<Member, BadLine>,
}

/// A person to notify. Neither the phone number nor the time zone has been checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// The producer's own id of the person: not blank, at most [`ID_BYTES_MAX`].
    pub id: String,
    /// Never blank.
    pub phone: Option<String>,
    /// The person's IANA time zone. Never blank.
    pub timezone: Option<String>,
    /// Values of the template's variables.
    pub variables: BTreeMap<String, String>,
}

/// Leaves out the phone number and the variables: no log line may contain them.
impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("id", &self.id)
            .field("timezone", &self.timezone)
            .finish_non_exhaustive()
    }
}

pub(super) fn checked_id(id: String) -> Result<String, Fault> {
    if id.trim().is_empty() {
        return Err(Fault::of_field(
            "id",
            format!("is empty; must have 1 to {ID_BYTES_MAX} bytes"),
        ));
    }
    if id.len() > ID_BYTES_MAX {
        let detail = format!("has {} bytes; must have 1 to {ID_BYTES_MAX}", id.len());
        return Err(Fault::of_field("id", detail));
    }
    Ok(id)
}

pub(super) fn unless_blank(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}
