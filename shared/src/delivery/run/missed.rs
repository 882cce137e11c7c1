//! Finds times of schedules that nobody fired.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::past::Past;
use super::row::Row;
use crate::domain::schedule::CatchUp;
use crate::domain::{RunKey, Schedule};
use crate::ports::scheduling::{Document, Documents, Kind, RunQueue, Runs};
use crate::ports::{Clock, PortError};

/// Schedules listed at once.
const LISTED: usize = 200;
/// A firing may take that long: the scheduler is exact to the minute.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(2);
/// What was missed before that is left to a person.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(24);
/// So many of a schedule's earlier times are put on record.
const RECORDED: usize = 24;

/// Asks for the run of each schedule's latest time, where there is none: the scheduler's schedule
/// was deleted by hand and healed after, was made only after its time, or was never fired. Whether
/// it is too late is for the run's beginning to say. Where that is certain, the times before are
/// asked for too: so they are on record.
#[derive(Clone)]
pub struct MissedTimes {
    /// The schedules, and when they were changed.
    pub documents: Arc<dyn Documents>,
    /// The runs.
    pub runs: Arc<dyn Runs>,
    /// Brings them to the trigger.
    pub queue: Arc<dyn RunQueue>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

impl MissedTimes {
    /// One round. Answers with how many runs were asked for. A schedule that cannot be looked at
    /// keeps none of the others from it.
    ///
    /// # Errors
    /// [`PortError`] when the schedules cannot be listed.
    pub async fn round(&self) -> Result<usize, PortError> {
        let mut asked = 0;
        let mut after: Option<String> = None;
        loop {
            let page = self.documents.documents(Kind::Schedule, after.as_deref(), LISTED).await?;
            let Some(last) = page.last() else { return Ok(asked) };
            after = Some(last.name.clone());
            for document in page {
                let name = document.name.clone();
                match self.look_at(document).await {
                    Ok(missed) => asked += missed,
                    Err(error) => tracing::error!(
                        schedule = %name, %error, "a schedule's times were not looked at"
                    ),
                }
            }
        }
    }

    async fn look_at(&self, document: Document) -> Result<usize, PortError> {
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        let before = |by| now.checked_sub(by).unwrap_or(now);
        let Some(row) = Row::read(document)?.filter(|row| row.schedule.enabled) else {
            return Ok(0);
        };
        let (after, to) = (before(LOOKS_BACK), before(ON_ITS_WAY));
        let (name, catch_up) = (row.schedule.name.clone(), row.schedule.catch_up);
        let times = if row.was_in_force_at(after) {
            row.times(after, to).into_iter().rev().collect()
        } else {
            Past::of(row, &*self.documents).await?.times(after, to)
        };
        let Some((latest, earlier)) = times.split_first() else { return Ok(0) };
        if self.runs.run(&RunKey::new(&name, *latest)).await?.is_some() {
            return Ok(0);
        }
        // Whoever wants them run however late wants the latest one now, and not all of them.
        let recorded = if catch_up == CatchUp::Skip { RECORDED } else { 0 };
        let is_late =
            |at: &&Timestamp| now.duration_since(**at).as_millis() > Schedule::LATE_MS.into();
        let mut asked = 0;
        // The latest one last: once it has a run, nobody looks for the others.
        for at in earlier.iter().filter(is_late).take(recorded).chain([latest]) {
            asked += usize::from(self.ask_for(&name, *at).await?);
        }
        Ok(asked)
    }

    /// Asks for a run, unless there is one.
    async fn ask_for(&self, schedule: &str, at: Timestamp) -> Result<bool, PortError> {
        let key = RunKey::new(schedule, at);
        if self.runs.run(&key).await?.is_some() {
            return Ok(false);
        }
        tracing::warn!(
            schedule = %key.schedule, scheduled_at = %key.scheduled_at,
            "a time was missed: its run is asked for"
        );
        self.queue.go_on(&key).await?;
        Ok(true)
    }
}
