//! Keeps `EventBridge` Scheduler equal to the schedules in the catalog.
//!
//! A change event only names its schedule. The planner reads the schedule's row and compares it
//! with the scheduler, so change events may arrive twice, late and out of order. Drift is repaired
//! in the same way.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::Instant;

use crate::domain::Schedule;
use crate::ports::{
    Catalog, Clock, Documents, FoundSchedule, Kind, PlannedSchedule, PortError, Scheduler,
};

/// How many schedules are compared at a time.
const CONCURRENCY: usize = 4;
/// How many names are listed at a time.
const PAGE: usize = 200;
/// How many schedules are compared between two looks at the time.
const COMPARED_AT_ONCE: usize = 100;
/// For this long after its last time, a schedule stays in the scheduler: it may still be about to
/// fire, or be retried. Four times the scheduler's own six hours of retries.
const LAST_FIRING_MAX: SignedDuration = SignedDuration::from_hours(24);
/// A row that changes more often than this while it is planned is left to its next change event.
const TRIES_MAX: usize = 5;

/// What was done for one schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Planned {
    Unchanged,
    /// The schedule was created or updated.
    Put,
    Removed,
}

/// What comparing all schedules has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// Schedules that were missing or different.
    pub put: usize,
    /// Schedules without a row.
    pub removed: usize,
    /// Schedules that could not be compared; the next comparison tries them again.
    pub failed: usize,
}

/// What comparing a part of the schedules came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconciledPart {
    pub reconciled: Reconciled,
    /// The name behind which the comparison goes on; `None`: all schedules are compared.
    pub next: Option<String>,
}

#[derive(Clone)]
pub struct Planner {
    /// Reads single schedules.
    pub catalog: Arc<dyn Catalog>,
    /// Lists the schedules' names.
    pub documents: Arc<dyn Documents>,
    pub scheduler: Arc<dyn Scheduler>,
    pub clock: Arc<dyn Clock>,
}

/// What the scheduler should hold for a schedule.
enum Wanted {
    Nothing,
    /// What it holds now, provided that it belongs to the present row: the schedule's last time has
    /// come, and may not have fired yet.
    AsFound,
    Exactly(PlannedSchedule),
}

impl Planner {
    /// Makes one schedule equal to its row. Repeating this is harmless.
    pub async fn reconcile_one(&self, name: &str) -> Result<Planned, PortError> {
        let mut row = self.catalog.schedule(name).await?;
        let mut done = Planned::Unchanged;
        for _ in 0..TRIES_MAX {
            match self.make_equal(name, row.as_ref()).await? {
                Planned::Unchanged => {}
                changed @ (Planned::Put | Planned::Removed) => done = changed,
            }
            if done == Planned::Unchanged {
                break;
            }
            // Another planner may have read a later row and written to the scheduler before this
            // one did. Reading the row again keeps the older row from being the last one written.
            let present = self.catalog.schedule(name).await?;
            if present == row {
                break;
            }
            row = present;
        }
        Ok(done)
    }

    async fn make_equal(&self, name: &str, row: Option<&Schedule>) -> Result<Planned, PortError> {
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        let found = self.scheduler.schedule(name).await?;
        match (row.map_or(Wanted::Nothing, |row| wanted(name, row, now)), found) {
            (Wanted::Nothing | Wanted::AsFound, None) => Ok(Planned::Unchanged),
            (Wanted::AsFound, Some(found)) if row.is_some_and(|row| belongs_to(row, &found)) => {
                Ok(Planned::Unchanged)
            }
            (Wanted::Nothing | Wanted::AsFound, Some(_)) => {
                self.scheduler.remove_schedule(name).await?;
                Ok(Planned::Removed)
            }
            (Wanted::Exactly(wanted), Some(found))
                if row.is_some_and(|row| is_equal(row, &wanted, &found)) =>
            {
                Ok(Planned::Unchanged)
            }
            (Wanted::Exactly(wanted), _) => {
                self.scheduler.put_schedule(&wanted).await?;
                Ok(Planned::Put)
            }
        }
    }

    /// Compares all schedules: a missing one is created, one without a row is removed, and a
    /// different one is made equal to its row.
    ///
    /// # Errors
    /// [`PortError`] when the rows or the scheduler's schedules cannot be listed.
    pub async fn reconcile(&self) -> Result<Reconciled, PortError> {
        Ok(self.reconcile_part(None, None).await?.reconciled)
    }

    /// Compares schedules as [`Self::reconcile`], in the order of their names: those behind `after`,
    /// until a time.
    ///
    /// # Errors
    /// As [`Self::reconcile`].
    pub async fn reconcile_part(
        &self,
        after: Option<&str>,
        until: Option<Instant>,
    ) -> Result<ReconciledPart, PortError> {
        let names = self.names().await?;
        let mut names =
            names.into_iter().filter(|name| after.is_none_or(|after| name.as_str() > after));
        let mut reconciled = Reconciled::default();
        loop {
            let part: Vec<String> = names.by_ref().take(COMPARED_AT_ONCE).collect();
            let next = part.last().filter(|_| part.len() >= COMPARED_AT_ONCE).cloned();
            self.reconcile_all(part, &mut reconciled).await;
            let is_late = until.is_some_and(|until| Instant::now() >= until);
            if next.is_none() || is_late {
                return Ok(ReconciledPart { reconciled, next });
            }
        }
    }

    /// The names of all rows, and of all schedules in the scheduler.
    async fn names(&self) -> Result<BTreeSet<String>, PortError> {
        let mut names: BTreeSet<String> =
            self.scheduler.schedule_names().await?.into_iter().collect();
        let mut after: Option<String> = None;
        loop {
            let page = self.documents.documents(Kind::Schedule, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(names) };
            after = Some(last.name.clone());
            names.extend(page.into_iter().map(|document| document.name));
        }
    }

    async fn reconcile_all(&self, names: Vec<String>, reconciled: &mut Reconciled) {
        let compared = stream::iter(names)
            .map(|name| async move {
                let done = self.reconcile_one(&name).await;
                (name, done)
            })
            .buffer_unordered(CONCURRENCY);
        tokio::pin!(compared);
        while let Some((name, done)) = compared.next().await {
            match done {
                Ok(Planned::Unchanged) => {}
                Ok(Planned::Put) => {
                    reconciled.put += 1;
                    tracing::warn!(schedule = %name, "a schedule had drifted and was repaired");
                }
                Ok(Planned::Removed) => {
                    reconciled.removed += 1;
                    tracing::warn!(schedule = %name, "a schedule without a row was removed");
                }
                Err(error) => {
                    reconciled.failed += 1;
                    tracing::error!(schedule = %name, %error, "a schedule was not compared");
                }
            }
        }
    }
}

fn wanted(name: &str, row: &Schedule, now: Timestamp) -> Wanted {
    if row.has_no_first_time() {
        // The times of a rate count from its start. Without one, each comparison would plan other
        // times, and the trigger would run none of them.
        tracing::error!(
            schedule = name,
            "a rate has no starts_at and is not planned: save the schedule again"
        );
        return Wanted::Nothing;
    }
    let Some(next) = row.next_after(now) else {
        let recently = now.checked_sub(LAST_FIRING_MAX).unwrap_or(now);
        let had_recent_time = row.next_after(recently).is_some();
        return if had_recent_time { Wanted::AsFound } else { Wanted::Nothing };
    };
    let starts_at = if row.expression.is_rate() {
        // The scheduler takes no start in the past. Starting at any time of the rate gives the same
        // times.
        Some(next)
    } else {
        row.starts_at.filter(|starts_at| *starts_at > now)
    };
    Wanted::Exactly(PlannedSchedule {
        name: name.to_owned(),
        expression: row.expression.to_string(),
        timezone: row.timezone.clone(),
        enabled: row.enabled,
        starts_at,
        is_once: row.expression.is_once(),
    })
}

/// Whether the scheduler's schedule fires at the row's times.
fn belongs_to(row: &Schedule, FoundSchedule { planned: found, is_ours }: &FoundSchedule) -> bool {
    *is_ours
        && found.expression == row.expression.as_str()
        && found.timezone == row.timezone
        && found.enabled == row.enabled
}

/// Whether the scheduler's schedule fires as the wanted one from now on.
fn is_equal(row: &Schedule, wanted: &PlannedSchedule, found: &FoundSchedule) -> bool {
    let FoundSchedule { planned: found, is_ours } = found;
    let same_start = match (wanted.starts_at, found.starts_at) {
        (Some(wanted), Some(found)) if row.expression.is_rate() => {
            // Two starts of a rate are equal when the later one is a time of the earlier one.
            let (earlier, later) = (found.min(wanted), found.max(wanted));
            let just_before = SignedDuration::from_nanos(1);
            later == earlier
                || later.checked_sub(just_before).is_ok_and(|before| {
                    let zone = row.zone().unwrap_or(TimeZone::UTC);
                    row.expression.next_after(before, &zone, earlier) == Some(later)
                })
        }
        (wanted, found) => wanted == found,
    };
    *is_ours
        && same_start
        && PlannedSchedule { starts_at: wanted.starts_at, ..found.clone() } == *wanted
}
