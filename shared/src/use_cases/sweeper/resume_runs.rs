//! Finds runs that no invocation of the trigger is working on.

use std::sync::Arc;

use crate::domain::run::RunStatus;
use crate::ports::{Clock, PortError, RunQueue, Runs};

/// How many runs are read in a round, oldest first.
const RUNS_MAX: usize = 200;

/// Requests the continuation of runs whose invocation died, or whose continuation was never
/// requested.
#[derive(Clone)]
pub struct ResumeRuns {
    pub runs: Arc<dyn Runs>,
    pub queue: Arc<dyn RunQueue>,
    pub clock: Arc<dyn Clock>,
}

impl ResumeRuns {
    /// Does one round, and returns how many continuations it requested. A run that cannot be
    /// resumed does not stop the round.
    ///
    /// # Errors
    /// [`PortError`] when the runs cannot be listed.
    pub async fn round(&self) -> Result<usize, PortError> {
        let mut resumed = 0;
        for key in self.runs.storing_runs(RUNS_MAX).await? {
            let requested = match self.runs.run(&key).await {
                // The index lags: it may still show a run that has stored everything.
                Ok(Some(run)) if run.status == RunStatus::Storing => {
                    if run.is_held(self.clock.now_ms()) {
                        continue;
                    }
                    self.queue.request_run(&key).await
                }
                Ok(_) => continue,
                Err(error) => Err(error),
            };
            match requested {
                Ok(()) => {
                    tracing::info!(
                        schedule = %key.schedule, scheduled_at = %key.scheduled_at,
                        "the continuation of a run was requested"
                    );
                    resumed += 1;
                }
                Err(error) => tracing::error!(
                    schedule = %key.schedule, scheduled_at = %key.scheduled_at, %error,
                    "a run was not resumed"
                ),
            }
        }
        Ok(resumed)
    }
}
