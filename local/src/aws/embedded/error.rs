//! Why the embedded database cannot be made or read.

use dynoxide::DynoxideError;

#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("the embedded DynamoDB: {0}")]
    Database(#[from] DynoxideError),
    #[error("the embedded DynamoDB's own tables: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The template is not as this crate expects.
    #[error("template.yaml: {0}")]
    Template(String),
    /// A row that a stand-in has stored is not as this crate expects.
    #[error("the row {name} of {part} cannot be read: {error}")]
    Row { part: String, name: String, error: serde_json::Error },
    /// The database file was made from another template.
    #[error(
        "the stored table {0} differs from the one in template.yaml: another version of Alimi has \
         made it. Name another --data-dir, or delete this one"
    )]
    OtherTable(String),
}
