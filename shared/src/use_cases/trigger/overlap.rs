//! Two runs of one schedule that store their notifications at once: the later one notes the other
//! one, and a warning tells the operator. A run whose notifications are all stored and still leave is
//! no such other run: every large batch would overlap the next one.

use super::Trigger;
use super::outcome::Stop;
use crate::domain::run::RunStatus;
use crate::domain::{Run, RunKey};
use crate::ports::PortError;

/// How many of the schedule's latest runs are read. This read is strongly consistent.
const LATEST_RUNS: usize = 5;
/// How many storing runs of all schedules are read. This read uses an index that lags.
const STORING_RUNS: usize = 200;

impl Trigger {
    /// Notes another run of the schedule that is in progress. The note is saved before the first
    /// page: when this run is continued later, the other run may have ended.
    pub(super) async fn note_overlap(&self, run: &mut Run) -> Result<(), Stop> {
        if run.overlaps.is_some() {
            return Ok(());
        }
        let other = match self.other_in_progress(&run.key).await {
            Ok(other) => other,
            // An unreadable other run must not stop this one.
            Err(error @ PortError::Unusable { .. }) => {
                tracing::error!(
                    schedule = %run.key.schedule, %error,
                    "it is not known whether another run of the schedule is in progress"
                );
                None
            }
            Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                return Err(Stop::Port(error));
            }
        };
        let Some(other) = other else { return Ok(()) };
        tracing::warn!(
            schedule = %run.key.schedule,
            scheduled_at = %run.key.scheduled_at,
            other = %other.scheduled_at,
            "a run begins while another run of its schedule is in progress"
        );
        run.overlaps = Some(other.scheduled_at);
        self.save(run).await
    }

    /// Another run of the same schedule that stores notifications. This run is stored before the search,
    /// so of two runs that begin at once at least one finds the other.
    async fn other_in_progress(&self, key: &RunKey) -> Result<Option<RunKey>, PortError> {
        let in_progress = |run: &Run| run.status == RunStatus::Storing && run.key != *key;
        let latest = self.runs.runs(&key.schedule, LATEST_RUNS).await?;
        if let Some(other) = latest.into_iter().find(in_progress) {
            return Ok(Some(other.key));
        }
        for other in self.runs.storing_runs(STORING_RUNS).await? {
            if other.schedule == key.schedule
                && self.runs.run(&other).await?.as_ref().is_some_and(in_progress)
            {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }
}
