//! Stored runs of schedules.

use async_trait::async_trait;

use super::error::PortError;
use super::saved::Saved;
use crate::domain::{Run, RunKey};

#[async_trait]
pub trait Runs: Send + Sync {
    /// Stores a new run. When the key is taken, returns the stored run and stores nothing.
    async fn create_run(&self, run: &Run) -> Result<Option<Run>, PortError>;

    /// One run, strongly consistent.
    async fn run(&self, key: &RunKey) -> Result<Option<Run>, PortError>;

    /// Saves a run on the condition that the stored fence is still `fence`. `run` carries a higher
    /// fence, so a writer that has not seen this save cannot save afterwards.
    async fn save_run(&self, run: &Run, fence: u64) -> Result<Saved, PortError>;

    /// Runs of a schedule, latest scheduled time first, strongly consistent.
    async fn runs(&self, schedule: &str, limit: usize) -> Result<Vec<Run>, PortError>;

    /// Runs whose notifications are being stored, by their time, from an eventually consistent
    /// index.
    async fn storing_runs(&self, limit: usize) -> Result<Vec<RunKey>, PortError>;

    /// Runs whose notifications are all stored and have not all ended, by their time, from an
    /// eventually consistent index. Starts behind `after`.
    async fn sending_runs(
        &self,
        after: Option<&RunKey>,
        limit: usize,
    ) -> Result<Vec<RunKey>, PortError>;

    /// Runs that are being cancelled, by their time, from an eventually consistent index.
    async fn cancelling_runs(&self, limit: usize) -> Result<Vec<RunKey>, PortError>;
}
