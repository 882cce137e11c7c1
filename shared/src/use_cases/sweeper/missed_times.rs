//! Finds times of schedules that were never fired.
//!
//! One round searches some thousands of schedules, and the next round goes on behind them. The place
//! is stored after each page, so a round that is cut short loses at most the page that it was at.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::domain::schedule::CatchUp;
use crate::domain::{RunKey, Schedule};
use crate::ports::{
    Clock, Document, Documents, Kind, PortError, Repair, RepairPlaces, RunQueue, Runs,
};
use crate::use_cases::schedule_history::ScheduleHistory;
use crate::use_cases::schedule_row::ScheduleRow;

/// How many schedules are listed at a time.
const PAGE: usize = 100;
/// How many schedules are searched at a time.
const CONCURRENCY: usize = 8;
/// How many schedules a round searches at most, and for how long. A page that has begun is finished,
/// well within the function's time-out.
const SCHEDULES_MAX: usize = 2_000;
const SEARCH_FOR: Duration = Duration::from_secs(25);
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
    /// Where the next round goes on.
    pub places: Arc<dyn RepairPlaces>,
    pub clock: Arc<dyn Clock>,
}

impl MissedTimes {
    /// Does one round, and returns how many runs it requested. The round goes on where the last one
    /// stopped, and ends behind the last schedule at the latest. A schedule that cannot be read does
    /// not stop it.
    ///
    /// # Errors
    /// [`PortError`] when the schedules cannot be listed, or the place cannot be read or stored.
    pub async fn round(&self) -> Result<usize, PortError> {
        let stop_at = Instant::now() + SEARCH_FOR;
        let (mut searched, mut requested) = (0, 0);
        let mut place = self.places.place(Repair::MissedTimes).await?;
        loop {
            let page = self.documents.documents(Kind::Schedule, place.as_deref(), PAGE).await?;
            let last = page.last().filter(|_| page.len() >= PAGE);
            let next = last.map(|last| last.name.clone());
            searched += page.len();
            requested += self.request_missed_of_all(page).await;
            // With few schedules, each round searches them all and stores nothing.
            if next != place {
                self.places.save_place(Repair::MissedTimes, next.as_deref()).await?;
            }
            place = next;
            if place.is_none() || searched >= SCHEDULES_MAX || Instant::now() >= stop_at {
                return Ok(requested);
            }
        }
    }

    /// Requests the missed runs of a page of schedules, and returns how many it requested.
    async fn request_missed_of_all(&self, page: Vec<Document>) -> usize {
        let searched = stream::iter(page).map(|document| async move {
            let name = document.name.clone();
            self.request_missed(document).await.unwrap_or_else(|error| {
                tracing::error!(
                    schedule = %name, %error,
                    "a schedule was not searched for missed times"
                );
                0
            })
        });
        searched.buffer_unordered(CONCURRENCY).fold(0, |sum, one| async move { sum + one }).await
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
