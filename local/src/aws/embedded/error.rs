//! Why the embedded database cannot be made or read.

use dynoxide::DynoxideError;

#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error("the embedded DynamoDB: {0}")]
    Database(#[from] DynoxideError),
    /// The template is not as this crate expects.
    #[error("template.yaml: {0}")]
    Template(String),
}
