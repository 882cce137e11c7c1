//! The beginning of a run: whether a requested run starts, and its first record.

use jiff::Timestamp;

use super::Trigger;
use super::outcome::RunOutcome;
use crate::domain::run::RunStatus;
use crate::domain::schedule::CatchUp;
use crate::domain::{Run, RunKey, Schedule};
use crate::ports::PortError;
use crate::use_cases::schedule_history::ScheduleHistory;
use crate::use_cases::schedule_row::ScheduleRow;

/// How far ahead a run's time may lie: the scheduler's clock may be ahead of this machine's clock.
const AHEAD_MAX_MS: i64 = 60_000;

pub(super) enum Beginning {
    /// The run is stored, by this invocation or by another one that was faster.
    Stored(Box<Run>),
    /// The run does not start.
    Refused(RunOutcome),
}

impl Trigger {
    pub(super) async fn begin(&self, key: &RunKey) -> Result<Beginning, PortError> {
        let now_ms = self.clock.now_ms();
        let late_ms = now_ms - key.scheduled_at.as_millisecond();
        let row = match ScheduleRow::load(&*self.documents, &key.schedule).await {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(refused(key, RunOutcome::NoSuchSchedule)),
            // Before the run is late, the request is retried: an operator may repair the row.
            Err(error @ PortError::Unusable { .. }) if late_ms > Schedule::LATE_MS => {
                return self.record_failure(key, &error, now_ms).await;
            }
            Err(error) => return Err(error),
        };
        if !row.schedule.enabled {
            return Ok(refused(key, RunOutcome::Disabled));
        }
        if late_ms < -AHEAD_MAX_MS {
            return Ok(refused(key, RunOutcome::NotDue));
        }
        let catch_up = row.schedule.catch_up;
        if !self.was_asked_for_at(row, key.scheduled_at).await? {
            return Ok(refused(key, RunOutcome::NotScheduled));
        }
        let mut run = self.new_run(key, now_ms);
        match catch_up {
            CatchUp::Skip if late_ms > Schedule::LATE_MS => {
                tracing::warn!(
                    schedule = %key.schedule, scheduled_at = %key.scheduled_at, late_ms,
                    "a late run is skipped, as its schedule says"
                );
                run.end(RunStatus::Missed, None, now_ms);
            }
            CatchUp::Skip | CatchUp::Run => {}
        }
        // The run is stored without a lease and without pins. If this invocation dies now, or the
        // pins cannot be read, the sweeper still finds the run.
        let known = self.runs.create_run(&run).await?;
        Ok(Beginning::Stored(Box::new(known.unwrap_or(run))))
    }

    /// Stores a failed run for a schedule that cannot be read: a retry would not help.
    async fn record_failure(
        &self,
        key: &RunKey,
        error: &PortError,
        now_ms: i64,
    ) -> Result<Beginning, PortError> {
        tracing::error!(
            schedule = %key.schedule, scheduled_at = %key.scheduled_at, %error,
            "a run failed; its record says why"
        );
        let mut run = self.new_run(key, now_ms);
        run.end(RunStatus::Failed, Some(error.to_string()), now_ms);
        let known = self.runs.create_run(&run).await?;
        Ok(Beginning::Stored(Box::new(known.unwrap_or(run))))
    }

    fn new_run(&self, key: &RunKey, now_ms: i64) -> Run {
        Run::begun(key.clone(), now_ms, self.randomness.next_u64())
    }

    /// Whether the schedule, as it was at this time, asked for a run. `EventBridge` Scheduler
    /// follows the row with a delay, may fire twice, and retries for six hours. The sweeper
    /// requests missed times for a day. So a run may be requested for a time that the schedule has
    /// moved away from. Where the history does not tell, the run starts: a run that is left out
    /// would go unnoticed.
    async fn was_asked_for_at(&self, row: ScheduleRow, at: Timestamp) -> Result<bool, PortError> {
        if row.was_in_force_at(at) {
            return Ok(row.asks_for_run_at(at));
        }
        let history = ScheduleHistory::of(row, &*self.documents).await?;
        Ok(history.asked_for_run_at(at).unwrap_or(true))
    }
}

/// Logs why a requested run does not start. Operators edit, disable and delete schedules up to the
/// last second. That is a warning: an error would raise the alarm.
fn refused(key: &RunKey, outcome: RunOutcome) -> Beginning {
    const MESSAGE: &str = "a requested run does not start";
    let RunKey { schedule, scheduled_at } = key;
    match outcome {
        RunOutcome::NoSuchSchedule | RunOutcome::Disabled | RunOutcome::NotScheduled => {
            tracing::warn!(%schedule, %scheduled_at, ?outcome, "{MESSAGE}");
        }
        RunOutcome::NotDue
        | RunOutcome::Ended
        | RunOutcome::ToBeContinued
        | RunOutcome::Interrupted
        | RunOutcome::HeldElsewhere => {
            tracing::error!(%schedule, %scheduled_at, ?outcome, "{MESSAGE}");
        }
    }
    Beginning::Refused(outcome)
}
