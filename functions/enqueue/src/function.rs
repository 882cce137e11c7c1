//! The ports and use cases of this function.

use std::sync::Arc;

use alimi::domain::Producer;
use alimi::http::{IdentifyCaller, Problem};
use alimi::ports::{Clock, Notifications};
use alimi::use_cases::{Apply, AuditTrail, Describe, Enqueue, Producers};

#[derive(Clone)]
pub struct EnqueueFunction {
    pub enqueue: Enqueue,
    /// Cancels notifications.
    pub apply: Apply,
    pub notifications: Arc<dyn Notifications>,
    /// Tells what notifications wait for.
    pub describe: Describe,
    /// Finds the producer of a caller.
    pub producers: Producers,
    pub clock: Arc<dyn Clock>,
    /// Records what producers read and cancel.
    pub audit: AuditTrail,
    pub callers: IdentifyCaller,
    /// Finds the caller with its session, for the audit records.
    pub identities: IdentifyCaller,
}

impl EnqueueFunction {
    pub(crate) fn caller(&self, extensions: &http::Extensions) -> Result<String, Problem> {
        (self.callers)(extensions).ok_or_else(Problem::forbidden)
    }

    pub(crate) async fn producer(
        &self,
        extensions: &http::Extensions,
    ) -> Result<Arc<Producer>, Problem> {
        let caller = self.caller(extensions)?;
        Ok(self.producers.of(&caller).await?)
    }
}
