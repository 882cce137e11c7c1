//! What the routes work with.

use std::sync::Arc;

use alimi::http::{Callers, Problem};
use alimi::ports::{AudienceFiles, Catalog, Clock, Documents, Runs};
use alimi::use_cases::{ConfigureCatalog, DryRun, UploadMembers};
use axum::extract::Request;

#[derive(Clone)]
pub struct ConsoleFunction {
    pub configure_catalog: ConfigureCatalog,
    /// The documents with their revisions.
    pub documents: Arc<dyn Documents>,
    /// The documents as the functions read them.
    pub catalog: Arc<dyn Catalog>,
    pub upload_members: UploadMembers,
    pub dry_run: DryRun,
    pub files: Arc<dyn AudienceFiles>,
    pub runs: Arc<dyn Runs>,
    pub clock: Arc<dyn Clock>,
    pub callers: Callers,
}

impl ConsoleFunction {
    pub(crate) fn caller(&self, request: &Request) -> Result<String, Problem> {
        (self.callers)(request.extensions()).ok_or_else(Problem::forbidden)
    }
}
