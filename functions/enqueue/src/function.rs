//! The ports and use cases of this function.

use std::sync::Arc;

use alimi::http::{IdentifyCaller, Problem};
use alimi::ports::{Clock, Notifications};
use alimi::use_cases::{Apply, Enqueue};

#[derive(Clone)]
pub struct EnqueueFunction {
    pub enqueue: Enqueue,
    /// Cancels notifications.
    pub apply: Apply,
    pub notifications: Arc<dyn Notifications>,
    pub clock: Arc<dyn Clock>,
    pub callers: IdentifyCaller,
}

impl EnqueueFunction {
    pub(crate) fn caller(&self, extensions: &http::Extensions) -> Result<String, Problem> {
        (self.callers)(extensions).ok_or_else(Problem::forbidden)
    }
}
