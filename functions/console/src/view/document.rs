//! Documents and their revisions, in pages.

use alimi::ports::Document;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The parameter `after` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct DocumentView<'a> {
    name: &'a str,
    revision: u64,
    changed_by: &'a str,
    changed_at: Option<Timestamp>,
    document: Option<&'a Value>,
}

impl<'a> DocumentView<'a> {
    pub(crate) fn of(document: &'a Document) -> Self {
        Self {
            name: &document.name,
            revision: document.revision,
            changed_by: &document.changed_by,
            changed_at: time(document.changed_at_ms),
            document: document.body.as_ref(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct RevisionView<'a> {
    revision: u64,
    changed_by: &'a str,
    changed_at: Option<Timestamp>,
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a Value>,
}

impl<'a> RevisionView<'a> {
    pub(crate) fn of(document: &'a Document) -> Self {
        Self {
            revision: document.revision,
            changed_by: &document.changed_by,
            changed_at: time(document.changed_at_ms),
            deleted: document.body.is_none(),
            document: document.body.as_ref(),
        }
    }
}

/// `None` never occurs: stored times are within the range of a timestamp.
pub(crate) fn time(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}
