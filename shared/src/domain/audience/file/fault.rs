//! What is wrong with a record.

use serde::{Deserialize, Serialize};

use super::format::RECORD_BYTES_MAX;
use crate::domain::shown::shown;

/// A line for which no notification is made or no member is stored, or whose member is in the
/// audience more than once. Quotes nothing of the line except names of fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("line {line}{}: {fault}", .field.as_ref().map(|name| format!(", {name}")).unwrap_or_default())]
pub struct BadLine {
    /// The line on which the record starts, counted from 1, as an editor shows it; of uploaded
    /// members, the line in the upload.
    pub line: u64,
    /// The column or field at fault, shortened when it is long; `None` when it is the whole record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong, and what to send instead.
    pub fault: String,
}

impl BadLine {
    /// An earlier line has the same member, who already gets a notification by it.
    #[must_use]
    pub fn duplicate(line: u64) -> Self {
        let fault = "is in the audience more than once; the member is notified once".to_owned();
        Self { line, field: Some("id".to_owned()), fault }
    }
}

/// What is wrong with a record whose line is not known yet.
pub(super) struct Fault {
    field: Option<String>,
    detail: String,
    /// The file ends inside the record.
    pub(super) is_cut_off: bool,
}

impl Fault {
    pub(super) fn of_record(detail: impl Into<String>) -> Self {
        Self { field: None, detail: detail.into(), is_cut_off: false }
    }

    pub(super) fn of_field(name: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(shown(name)), detail: detail.into(), is_cut_off: false }
    }

    /// The fault of a record inside which the file ends.
    pub(super) fn cut_off(detail: impl Into<String>) -> Self {
        Self { is_cut_off: true, ..Self::of_record(detail) }
    }

    pub(super) fn too_long() -> Self {
        Self::of_record(format!("is too long; must have at most {RECORD_BYTES_MAX} bytes"))
    }

    pub(super) fn at(self, line: u64) -> BadLine {
        BadLine { line, field: self.field, fault: self.detail }
    }
}

pub(super) const NOT_UTF8: &str = "is not UTF-8; save the file as UTF-8";
