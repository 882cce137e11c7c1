//! Why a change of the catalog was not made.

use crate::domain::FieldError;
use crate::ports::PortError;

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
    /// A retry may succeed.
    #[error(transparent)]
    Port(#[from] PortError),
}
