//! What the HTTP functions share: problem details, reading JSON bodies, and who asks.

mod body;
mod caller;
mod problem;

pub use body::{Body, BodyError, canonical_digest};
pub use caller::{Callers, iam_caller, iam_identity, iam_or_local_caller, iam_or_local_identity};
pub use problem::Problem;
