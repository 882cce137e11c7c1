//! The adapters that a function calls AWS through.

use std::sync::Arc;

use alimi::ports::{AudienceFiles, RunQueue, Scheduler, Secrets, Waker};
use alimi::store::DynamoStore;

/// The adapters of one function.
#[derive(Clone)]
pub(crate) struct Adapters {
    pub store: Arc<DynamoStore>,
    pub waker: Arc<dyn Waker>,
    pub run_queue: Arc<dyn RunQueue>,
    pub scheduler: Arc<dyn Scheduler>,
    pub files: Arc<dyn AudienceFiles>,
    pub secrets: Arc<dyn Secrets>,
}
