//! The configuration, as operators change it: documents with revisions and a history.

use async_trait::async_trait;
use strum::{IntoStaticStr, VariantArray};

use super::error::PortError;

/// The kind of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    Channel,
    Template,
    Schedule,
    /// An audience's head; its members are stored apart from it.
    Audience,
    /// The stack's sending windows: one document named [`Kind::STACK_HOURS`].
    Hours,
    /// A service that asks for messages.
    Producer,
}

impl Kind {
    /// The name of the one document of [`Kind::Hours`].
    pub const STACK_HOURS: &str = "stack";

    /// The kind as the catalog's key has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One revision of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub name: String,
    /// One higher with every change; never used again, even after a deletion.
    pub revision: u64,
    /// `None` in the history when this revision deleted the document.
    pub body: Option<serde_json::Value>,
    /// Who made the change.
    pub changed_by: String,
    /// When the change was made, in Unix milliseconds.
    pub changed_at_ms: i64,
}

/// The condition of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// There is no such document.
    Absent,
    /// The document still has this revision.
    Revision(u64),
    Any,
}

/// The result of a change.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The new revision.
    Done(u64),
    /// The condition did not hold; the present revision, if the document exists.
    Conflict(Option<u64>),
}

#[async_trait]
pub trait Documents: Send + Sync {
    async fn document(&self, kind: Kind, name: &str) -> Result<Option<Document>, PortError>;

    /// Documents of a kind in the order of their names, starting behind `after`.
    async fn documents(
        &self,
        kind: Kind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, PortError>;

    /// Writes a document and its history entry in one transaction, if `expected` holds. Ignores the
    /// given document's revision; the result has the new one.
    async fn put_document(
        &self,
        kind: Kind,
        document: &Document,
        expected: Expected,
    ) -> Result<Changed, PortError>;

    /// Deletes a document and adds that to its history, if `expected` holds.
    async fn delete_document(
        &self,
        kind: Kind,
        name: &str,
        expected: Expected,
        changed_by: &str,
        changed_at_ms: i64,
    ) -> Result<Changed, PortError>;

    /// A document's revisions, newest first.
    async fn history(
        &self,
        kind: Kind,
        name: &str,
        limit: usize,
    ) -> Result<Vec<Document>, PortError>;
}
