//! An operator's decision.

use serde_json::Value;

/// What is decided.
pub(super) struct Decision {
    /// The last part of the route: `resend` or `settle`.
    pub(super) route: &'static str,
    /// The members of the request's body, the reason among them.
    pub(super) body: Value,
    /// The decision in words, for the question.
    pub(super) in_words: &'static str,
}
