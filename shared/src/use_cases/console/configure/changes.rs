//! The changes that operators make: saving and deleting documents.

use jiff::Timestamp;
use serde_json::Value;

use super::ConfigureCatalog;
use super::entry::Entry;
use super::lane_contents::lane_contents;
use crate::domain::{FieldError, HoursConfig};
use crate::ports::{Changed, Document, Expected, Kind, PortError};

/// Why a change of the catalog was not made.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// The operator has to change the request.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// Another operator has changed the document. Holds the present revision; `None` when the
    /// document does not exist.
    #[error("the document was changed meanwhile")]
    Conflict(Option<u64>),
    #[error("there is no such document")]
    Missing,
    /// Other documents or messages still use the document; the text names them.
    #[error("the document is used by {0}")]
    InUse(String),
    /// The field holds as many entries as it may: the operator has to delete one first.
    #[error(transparent)]
    Full(FieldError),
    /// A retry may succeed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl ConfigureCatalog {
    /// Saves a document, provided that the stored one is as expected.
    pub async fn put(
        &self,
        mut entry: Entry,
        expected: Expected,
        by: &str,
    ) -> Result<Document, NotChanged> {
        let (kind, name) = (entry.kind(), entry.name().to_owned());
        let current = self.documents.document(kind, &name).await?;
        if !is_as_expected(expected, current.as_ref()) {
            return Err(NotChanged::Conflict(current.map(|current| current.revision)));
        }
        let now_ms = self.clock.now_ms();
        let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        entry.keep_server_fields(current.as_ref(), now)?;
        self.check(&entry, now).await?;
        self.check_schedules_keep_to_windows(&entry, current.as_ref(), now).await?;
        self.keep_uploaded_file(&entry, now_ms).await?;
        let document = document(&name, entry.body()?, by, now_ms);
        let saved = self.save(kind, document, expected).await?;
        self.wake_lanes_of(&entry, saved.changed_at_ms).await;
        Ok(saved)
    }

    /// Deletes a document that is not in use.
    pub async fn delete(
        &self,
        kind: Kind,
        name: &str,
        expected: Expected,
        by: &str,
    ) -> Result<(), NotChanged> {
        let current = self.documents.document(kind, name).await?;
        if current.is_none() {
            return Err(NotChanged::Missing);
        }
        if !is_as_expected(expected, current.as_ref()) {
            return Err(NotChanged::Conflict(current.map(|current| current.revision)));
        }
        let users = self.users(kind, name).await?;
        if !users.is_empty() {
            return Err(NotChanged::InUse(users.join(", ")));
        }
        if kind == Kind::Channel
            && let Some(messages) = lane_contents(&*self.agenda, &*self.classes, name).await?
        {
            return Err(NotChanged::InUse(messages.to_owned()));
        }
        if kind == Kind::Hours {
            // The defaults are in force after the deletion, so they are checked like a change.
            let defaults = Entry::Hours(HoursConfig::default());
            let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
            self.check(&defaults, now).await?;
            self.check_schedules_keep_to_windows(&defaults, current.as_ref(), now).await?;
        }
        let at_ms = self.clock.now_ms();
        match self.documents.delete_document(kind, name, expected, by, at_ms).await? {
            Changed::Done(revision) => {
                tracing::info!(kind = kind.as_str(), name, revision, "a document was deleted");
                if kind == Kind::Hours {
                    self.wake_lanes_of(&Entry::Hours(HoursConfig::default()), at_ms).await;
                }
                Ok(())
            }
            Changed::Conflict(None) => Err(NotChanged::Missing),
            Changed::Conflict(current) => Err(NotChanged::Conflict(current)),
        }
    }

    pub(super) async fn save(
        &self,
        kind: Kind,
        document: Document,
        expected: Expected,
    ) -> Result<Document, NotChanged> {
        match self.documents.put_document(kind, &document, expected).await? {
            Changed::Done(revision) => {
                tracing::info!(
                    kind = kind.as_str(),
                    name = document.name,
                    revision,
                    "a document was saved"
                );
                Ok(Document { revision, ..document })
            }
            Changed::Conflict(current) => Err(NotChanged::Conflict(current)),
        }
    }
}

fn is_as_expected(expected: Expected, current: Option<&Document>) -> bool {
    match expected {
        Expected::Absent => current.is_none(),
        Expected::Revision(revision) => current.is_some_and(|current| current.revision == revision),
        Expected::Any => true,
    }
}

/// A document to be saved. The store gives it its revision.
pub(super) fn document(name: &str, body: Value, by: &str, at_ms: i64) -> Document {
    Document {
        name: name.to_owned(),
        revision: 0,
        body: Some(body),
        changed_by: by.to_owned(),
        changed_at_ms: at_ms,
    }
}
