//! Goes on with decisions about many exceptions that the console did not finish within its request, or
//! whose invocation died.

use std::time::Duration;

use tokio::time::Instant;

use crate::ports::PortError;
use crate::use_cases::decide::DecideBulk;

/// How long a round works on jobs. A page that has begun is finished.
const WORK_FOR: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct ContinueBulk {
    pub bulk: DecideBulk,
}

impl ContinueBulk {
    /// Does one round: the oldest job first. A job that fails does not hold up the others.
    ///
    /// # Errors
    /// [`PortError`] when the jobs cannot be listed.
    pub async fn round(&self) -> Result<(), PortError> {
        let until = Instant::now() + WORK_FOR;
        for job in self.bulk.running().await? {
            if Instant::now() >= until {
                return Ok(());
            }
            let id = job.id.clone();
            if let Err(error) = self.bulk.work(job, until).await {
                tracing::error!(job = %id, %error, "a job was interrupted; the next round goes on");
            }
        }
        Ok(())
    }
}
