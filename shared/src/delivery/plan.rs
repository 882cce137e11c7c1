//! Keeps `EventBridge` Scheduler equal to the schedules in the catalog.
//!
//! A change only names its schedule; what is to be done follows from the row as it is then. So
//! changes may come twice, late and out of order, and drift is healed the same way.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::domain::Schedule;
use crate::ports::scheduling::{Documents, FoundSchedule, Kind, PlannedSchedule, Scheduler};
use crate::ports::{Catalog, Clock, PortError};

/// Schedules compared at once.
const CONCURRENCY: usize = 4;
/// Names listed at once.
const LISTED: usize = 200;
/// A schedule whose last time has come may still be about to fire, or be tried again.
const LAST_FIRING: SignedDuration = SignedDuration::from_hours(24);
/// A row that changes more often while it is read is left to its next change.
const TRIES: usize = 5;

/// What was done about a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Planned {
    /// Nothing: it is as it is to be.
    AsItWas,
    /// It was made, or made to be as its row.
    Put,
    /// It was removed.
    Removed,
}

/// What comparing everything came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// Schedules that were missing or different.
    pub put: usize,
    /// Schedules that nobody asked for.
    pub removed: usize,
    /// Schedules that could not be compared; the next time comes to them again.
    pub failed: usize,
}

/// Makes the scheduler equal to the catalog.
#[derive(Clone)]
pub struct Plan {
    /// The schedules, one by one.
    pub catalog: Arc<dyn Catalog>,
    /// Their names.
    pub documents: Arc<dyn Documents>,
    /// What is made equal to them.
    pub scheduler: Arc<dyn Scheduler>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

/// How the scheduler is to have a schedule.
enum Wanted {
    /// Not at all.
    Absent,
    /// As it is: its last time has come. But not as another row's.
    AsItIs,
    /// So.
    So(PlannedSchedule),
}

impl Plan {
    /// Makes one schedule equal to its row.
    ///
    /// # Errors
    /// [`PortError`]; repeating it is harmless.
    pub async fn one(&self, name: &str) -> Result<Planned, PortError> {
        let mut row = self.catalog.schedule(name).await?;
        let mut done = Planned::AsItWas;
        for _ in 0..TRIES {
            match self.make_equal(name, row.as_ref()).await? {
                Planned::AsItWas => {}
                made @ (Planned::Put | Planned::Removed) => done = made,
            }
            if done == Planned::AsItWas {
                break;
            }
            // Somebody else may have made it equal to a later row before we did to this one.
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
        match (row.map_or(Wanted::Absent, |row| wanted(name, row, now)), found) {
            (Wanted::Absent | Wanted::AsItIs, None) => Ok(Planned::AsItWas),
            (Wanted::AsItIs, Some(found)) if row.is_some_and(|row| is_of(row, &found)) => {
                Ok(Planned::AsItWas)
            }
            (Wanted::Absent | Wanted::AsItIs, Some(_)) => {
                self.scheduler.remove_schedule(name).await?;
                Ok(Planned::Removed)
            }
            (Wanted::So(wanted), Some(found))
                if row.is_some_and(|row| same(row, &wanted, &found)) =>
            {
                Ok(Planned::AsItWas)
            }
            (Wanted::So(wanted), _) => {
                self.scheduler.put_schedule(&wanted).await?;
                Ok(Planned::Put)
            }
        }
    }

    /// Compares all: one that was deleted by hand comes back, a stray one goes, a different one is
    /// made as its row.
    ///
    /// # Errors
    /// [`PortError`] when either side cannot be listed.
    pub async fn reconcile(&self) -> Result<Reconciled, PortError> {
        let mut names: BTreeSet<String> =
            self.scheduler.schedule_names().await?.into_iter().collect();
        let mut after: Option<String> = None;
        loop {
            let page = self.documents.documents(Kind::Schedule, after.as_deref(), LISTED).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            names.extend(page.into_iter().map(|document| document.name));
        }
        let compared = stream::iter(names)
            .map(|name| async move {
                let done = self.one(&name).await;
                (name, done)
            })
            .buffer_unordered(CONCURRENCY);
        tokio::pin!(compared);
        let mut reconciled = Reconciled::default();
        while let Some((name, done)) = compared.next().await {
            match done {
                Ok(Planned::AsItWas) => {}
                Ok(Planned::Put) => {
                    reconciled.put += 1;
                    tracing::warn!(schedule = %name, "a schedule had drifted and was put right");
                }
                Ok(Planned::Removed) => {
                    reconciled.removed += 1;
                    tracing::warn!(schedule = %name, "a stray schedule was removed");
                }
                Err(error) => {
                    reconciled.failed += 1;
                    tracing::error!(schedule = %name, %error, "a schedule was not compared");
                }
            }
        }
        Ok(reconciled)
    }
}

fn wanted(name: &str, row: &Schedule, now: Timestamp) -> Wanted {
    if row.has_no_first_time() {
        // It would be counted from another time with every look at it, and none of its times would
        // be run.
        tracing::error!(schedule = name, "a rate without starts_at is not planned: save it again");
        return Wanted::Absent;
    }
    let Some(next) = row.next_after(now) else {
        let lately = now.checked_sub(LAST_FIRING).unwrap_or(now);
        return if row.next_after(lately).is_some() { Wanted::AsItIs } else { Wanted::Absent };
    };
    let starts_at = if row.expression.is_rate() {
        // The scheduler takes no start in the past. Any of its times gives the same times.
        Some(next)
    } else {
        row.starts_at.filter(|starts_at| *starts_at > now)
    };
    Wanted::So(PlannedSchedule {
        name: name.to_owned(),
        expression: row.expression.to_string(),
        timezone: row.timezone.clone(),
        enabled: row.enabled,
        starts_at,
        is_once: row.expression.is_once(),
    })
}

/// Whether what was found fires when the row says.
fn is_of(row: &Schedule, FoundSchedule { planned: found, is_ours }: &FoundSchedule) -> bool {
    *is_ours
        && found.expression == row.expression.as_str()
        && found.timezone == row.timezone
        && found.enabled == row.enabled
}

/// Whether both fire the same at the same times from now on.
fn same(row: &Schedule, wanted: &PlannedSchedule, found: &FoundSchedule) -> bool {
    let FoundSchedule { planned: found, is_ours } = found;
    let same_start = match (wanted.starts_at, found.starts_at) {
        (Some(wanted), Some(found)) if row.expression.is_rate() => {
            let counted_from = found.min(wanted);
            let just_before = SignedDuration::from_nanos(1);
            let later = found.max(wanted);
            later == counted_from
                || later.checked_sub(just_before).is_ok_and(|before| {
                    let zone = row.zone().unwrap_or(jiff::tz::TimeZone::UTC);
                    row.expression.next_after(before, &zone, counted_from) == Some(later)
                })
        }
        (wanted, found) => wanted == found,
    };
    *is_ours
        && same_start
        && PlannedSchedule { starts_at: wanted.starts_at, ..found.clone() } == *wanted
}
