//! Decisions about many exceptions at once, with how far each has come.

use async_trait::async_trait;

use super::error::PortError;
use super::saved::Saved;
use crate::domain::bulk_job::BulkJob;

#[async_trait]
pub trait BulkJobs: Send + Sync {
    /// Stores a new job. When its id is taken, returns the stored job and stores nothing.
    async fn create_job(&self, job: &BulkJob) -> Result<Option<BulkJob>, PortError>;

    /// One job, strongly consistent.
    async fn job(&self, id: &str) -> Result<Option<BulkJob>, PortError>;

    /// Saves a job on the condition that the stored fence is still `fence`. `job` carries a higher one.
    async fn save_job(&self, job: &BulkJob, fence: u64) -> Result<Saved, PortError>;

    /// Jobs whose id is at least `from`, newest first. Ids begin with the end of the period that was
    /// counted.
    async fn jobs(&self, from: Option<&str>, limit: usize) -> Result<Vec<BulkJob>, PortError>;
}
