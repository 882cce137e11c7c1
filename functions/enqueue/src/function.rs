//! The ports and use cases of this function.

use std::sync::Arc;

use alimi::domain::{Producer, Scope};
use alimi::http::{IdentifyCaller, Problem, key_caller};
use alimi::ports::{Clock, Notifications};
use alimi::use_cases::{Apply, AuditTrail, Describe, Enqueue, ListNotifications, Producers};

#[derive(Clone)]
pub struct EnqueueFunction {
    pub enqueue: Enqueue,
    /// Cancels notifications.
    pub apply: Apply,
    pub notifications: Arc<dyn Notifications>,
    pub list: ListNotifications,
    /// Tells what notifications wait for.
    pub describe: Describe,
    /// Finds the producer of a caller.
    pub producers: Producers,
    pub clock: Arc<dyn Clock>,
    /// Records what producers read and cancel.
    pub audit: AuditTrail,
    /// Finds the caller of a request without an API key.
    pub callers: IdentifyCaller,
    /// Finds the caller with its session, for the audit records.
    pub identities: IdentifyCaller,
}

/// An authenticated caller.
pub(crate) enum Caller {
    /// An IAM role or user.
    Principal(String),
    /// The holder of an API key of this producer.
    Producer(String),
}

impl EnqueueFunction {
    /// The caller of a request to a route that needs a scope. IAM decides about the routes of its
    /// callers itself. API Gateway uses the authorizer's answer for every route, so a key's scopes are
    /// checked here.
    pub(crate) fn caller(
        &self,
        extensions: &http::Extensions,
        scope: Scope,
    ) -> Result<Caller, Problem> {
        if let Some(caller) = key_caller(extensions) {
            return if caller.may(scope) {
                Ok(Caller::Producer(caller.producer))
            } else {
                Err(Problem::insufficient_scope(scope))
            };
        }
        (self.callers)(extensions).map(Caller::Principal).ok_or_else(Problem::forbidden)
    }

    pub(crate) async fn producer_of(&self, caller: &Caller) -> Result<Arc<Producer>, Problem> {
        Ok(match caller {
            Caller::Principal(principal) => self.producers.of(principal).await?,
            Caller::Producer(name) => self.producers.named(name).await?,
        })
    }

    pub(crate) async fn producer(
        &self,
        extensions: &http::Extensions,
        scope: Scope,
    ) -> Result<Arc<Producer>, Problem> {
        self.producer_of(&self.caller(extensions, scope)?).await
    }
}
