//! The ports and use cases of this function.

use std::sync::Arc;

use alimi::http::{IdentifyCaller, Problem};
use alimi::ports::Documents;
use alimi::use_cases::{
    AuditTrail, ConfigureCatalog, Describe, DryRun, Inspect, ListRuns, PreviewSchedule,
    RedriveDeadLetters, ReviewRestored, TakeFiles, UploadMembers, Why,
};
use axum::extract::Request;

#[derive(Clone)]
pub struct ConsoleFunction {
    pub configure_catalog: ConfigureCatalog,
    /// The documents with their revisions.
    pub documents: Arc<dyn Documents>,
    pub upload_members: UploadMembers,
    pub take_files: TakeFiles,
    pub preview_schedule: PreviewSchedule,
    pub dry_run: DryRun,
    pub list_runs: ListRuns,
    pub inspect: Inspect,
    pub review_restored: ReviewRestored,
    pub redrive: RedriveDeadLetters,
    /// Records what operators do.
    pub audit: AuditTrail,
    /// Tells what notifications wait for.
    pub describe: Describe,
    pub why: Why,
    pub callers: IdentifyCaller,
}

impl ConsoleFunction {
    pub(crate) fn caller(&self, request: &Request) -> Result<String, Problem> {
        (self.callers)(request.extensions()).ok_or_else(Problem::forbidden)
    }
}
