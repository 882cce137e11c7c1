//! The ports and use cases of this function.

use std::sync::Arc;

use alimi::http::{IdentifyCaller, Problem};
use alimi::ports::{Documents, Runs};
use alimi::use_cases::{
    ConfigureCatalog, DryRun, Inspect, Overrule, PreviewSchedule, UploadMembers,
};
use axum::extract::Request;

#[derive(Clone)]
pub struct ConsoleFunction {
    pub configure_catalog: ConfigureCatalog,
    /// The documents with their revisions.
    pub documents: Arc<dyn Documents>,
    pub upload_members: UploadMembers,
    pub preview_schedule: PreviewSchedule,
    pub dry_run: DryRun,
    pub runs: Arc<dyn Runs>,
    pub inspect: Inspect,
    pub overrule: Overrule,
    pub callers: IdentifyCaller,
}

impl ConsoleFunction {
    pub(crate) fn caller(&self, request: &Request) -> Result<String, Problem> {
        (self.callers)(request.extensions()).ok_or_else(Problem::forbidden)
    }
}
