//! Edits of a stored document that keep what other operators change at the same time.

use serde_json::{Map, Value};

use super::ConfigureCatalog;
use super::changes::{NotChanged, document};
use crate::ports::{Document, Expected, Kind, PortError};

/// More conflicting changes than this in a row count as an outage.
const TRIES_MAX: usize = 8;

/// What to do after an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Save,
    /// The document already is as the operator wants it.
    Keep,
}

impl ConfigureCatalog {
    /// Pauses or resumes a channel. Changes that other operators make to the channel at the same
    /// time are kept.
    pub async fn set_paused(
        &self,
        channel: &str,
        paused: bool,
        by: &str,
    ) -> Result<Document, NotChanged> {
        let edited = self.edit(Kind::Channel, channel, by, |fields| {
            let is_paused = fields.get("paused").and_then(Value::as_bool) == Some(true);
            if is_paused == paused {
                return Ok(Edit::Keep);
            }
            fields.insert("paused".to_owned(), Value::Bool(paused));
            Ok(Edit::Save)
        });
        let (document, edit) = edited.await?;
        if edit == Edit::Save && !paused {
            self.wake(&document.name, document.changed_at_ms, true).await;
        }
        Ok(document)
    }

    /// Edits the fields of a stored document. When another operator changes the document meanwhile,
    /// `edit` is called again with the newer fields. Returns the stored document.
    pub(super) async fn edit(
        &self,
        kind: Kind,
        name: &str,
        by: &str,
        edit: impl Fn(&mut Map<String, Value>) -> Result<Edit, NotChanged>,
    ) -> Result<(Document, Edit), NotChanged> {
        for _ in 0..TRIES_MAX {
            let Some(mut current) = self.documents.document(kind, name).await? else {
                return Err(NotChanged::Missing);
            };
            let Some(Value::Object(fields)) = &mut current.body else {
                return Err(unusable(kind, name));
            };
            if edit(fields)? == Edit::Keep {
                return Ok((current, Edit::Keep));
            }
            let expected = Expected::Revision(current.revision);
            let body = current.body.unwrap_or_default();
            let wanted = document(name, body, by, self.clock.now_ms());
            match self.save(kind, wanted, expected).await {
                Ok(saved) => return Ok((saved, Edit::Save)),
                Err(NotChanged::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(PortError::Unavailable {
            what: "the catalog",
            detail: format!("{TRIES_MAX} conflicting changes of the {} {name}", kind.as_str()),
        }
        .into())
    }
}

fn unusable(kind: Kind, name: &str) -> NotChanged {
    let detail = format!("the document of the {} {name} is no object", kind.as_str());
    PortError::Unusable { what: "the catalog", detail }.into()
}
