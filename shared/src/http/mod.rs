//! What the HTTP functions share: problem details, and reading JSON bodies.

mod body;
mod problem;

pub use body::{Body, BodyError, canonical_digest};
pub use problem::Problem;
