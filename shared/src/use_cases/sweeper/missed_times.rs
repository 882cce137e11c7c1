//! Finds times of schedules that were never fired.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::schedule::CatchUp;
use crate::domain::{RunKey, Schedule};
use crate::ports::{Clock, Document, Documents, Kind, PortError, RunQueue, Runs};
use crate::use_cases::schedule_history::ScheduleHistory;
use crate::use_cases::schedule_row::ScheduleRow;

/// How many schedules are listed at a time.
const PAGE: usize = 200;
/// How long a firing may take to arrive: the scheduler is exact to the minute.
const ARRIVAL_MAX: SignedDuration = SignedDuration::from_mins(2);
/// How far back a round looks. Older missed times are left to an operator.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);
/// How many missed times before the latest one are recorded for each schedule.
const EARLIER_TIMES_MAX: usize = 24;

/// Requests the run of each schedule's latest time, where that run is missing: the scheduler's
/// schedule was deleted by hand, was created after the time, or did not fire. The beginning of the
/// run decides whether the run is too late. Where a late run is certainly skipped, the earlier
/// missed times are requested too, so that they are on record.
#[derive(Clone)]
pub struct MissedTimes {
    /// The schedules with their earlier revisions.
    pub documents: Arc<dyn Documents>,
    pub runs: Arc<dyn Runs>,
    pub queue: Arc<dyn RunQueue>,
    pub clock: Arc<dyn Clock>,
}

impl MissedTimes {
    /// Does one round, and returns how many runs it requested. A schedule that cannot be read does
    /// not stop the round.
    ///
    /// # Errors
    /// [`PortError`] when the schedules cannot be listed.
    pub async fn round(&self) -> Result<usize, PortError> {
        let mut requested = 0;
        let mut after: Option<String> = None;
        loop {
            let page = self.documents.documents(Kind::Schedule, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(requested) };
            after = Some(last.name.clone());
            for document in page {
                let name = document.name.clone();
                match self.request_missed(document).await {
                    Ok(missed) => requested += missed,
                    Err(error) => tracing::error!(
                        schedule = %name, %error,
                        "a schedule was not searched for missed times"
                    ),
                }
            }
        }
    }

    async fn request_missed(&self, document: Document) -> Result<usize, PortError> {
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        let before = |by| now.checked_sub(by).unwrap_or(now);
        let Some(row) = ScheduleRow::read(document)?.filter(|row| row.schedule.enabled) else {
            return Ok(0);
        };
        let (after, to) = (before(LOOK_BACK), before(ARRIVAL_MAX));
        let (name, catch_up) = (row.schedule.name.clone(), row.schedule.catch_up);
        let times = if row.was_in_force_at(after) {
            row.times_between(after, to).into_iter().rev().collect()
        } else {
            ScheduleHistory::of(row, &*self.documents).await?.times_between(after, to)
        };
        let Some((latest, earlier)) = times.split_first() else { return Ok(0) };
        if self.runs.run(&RunKey::new(&name, *latest)).await?.is_some() {
            return Ok(0);
        }
        // With `catch_up: run` a requested run starts however late it is. Requesting the earlier
        // times too would send every missed message at once.
        let earlier_max = if catch_up == CatchUp::Skip { EARLIER_TIMES_MAX } else { 0 };
        let is_late =
            |at: &&Timestamp| now.duration_since(**at).as_millis() > Schedule::LATE_MS.into();
        let mut requested = 0;
        // The latest time comes last: once it has a run, no round looks for the earlier ones.
        for at in earlier.iter().filter(is_late).take(earlier_max).chain([latest]) {
            requested += usize::from(self.request_run(&name, *at).await?);
        }
        Ok(requested)
    }

    /// Requests a run, unless it exists. Returns whether it was requested.
    async fn request_run(&self, schedule: &str, at: Timestamp) -> Result<bool, PortError> {
        let key = RunKey::new(schedule, at);
        if self.runs.run(&key).await?.is_some() {
            return Ok(false);
        }
        tracing::warn!(
            schedule = %key.schedule, scheduled_at = %key.scheduled_at,
            "a time was missed; its run is requested"
        );
        self.queue.request_run(&key).await?;
        Ok(true)
    }
}
