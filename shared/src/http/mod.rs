//! What the HTTP functions share: problem details, JSON bodies, and who the caller is.

mod body;
mod caller;
mod json_error;
mod problem;

pub use body::{Body, canonical_digest};
pub use caller::{
    IdentifyCaller, iam_caller, iam_identity, iam_or_local_caller, iam_or_local_identity,
};
pub use problem::Problem;
