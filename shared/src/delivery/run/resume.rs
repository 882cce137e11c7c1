//! Finds runs that nobody is at work on any more.

use std::sync::Arc;

use crate::domain::run::RunStatus;
use crate::ports::scheduling::{RunQueue, Runs};
use crate::ports::{Clock, PortError};

/// Runs looked at in a round, oldest first.
const LOOKED_AT: usize = 200;

/// Asks for the continuation of every run whose invocation died, or whose continuation was never
/// asked for.
#[derive(Clone)]
pub struct ResumeRuns {
    /// The runs.
    pub runs: Arc<dyn Runs>,
    /// Brings them to the trigger.
    pub queue: Arc<dyn RunQueue>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

impl ResumeRuns {
    /// One round. Answers with how many runs were resumed. A run that cannot be resumed keeps none
    /// of the others from it.
    ///
    /// # Errors
    /// [`PortError`] when the runs cannot be listed.
    pub async fn round(&self) -> Result<usize, PortError> {
        let mut resumed = 0;
        for key in self.runs.unfinished_runs(LOOKED_AT).await? {
            let asked = match self.runs.run(&key).await {
                // The index may still show a run that has ended.
                Ok(Some(run)) if run.status == RunStatus::Running => {
                    if run.is_held(self.clock.now_ms()) {
                        continue;
                    }
                    self.queue.go_on(&key).await
                }
                Ok(_) => continue,
                Err(error) => Err(error),
            };
            match asked {
                Ok(()) => {
                    tracing::info!(schedule = %key.schedule, scheduled_at = %key.scheduled_at, "a run goes on");
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
