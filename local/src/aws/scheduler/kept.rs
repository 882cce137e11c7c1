//! The schedules in rows, which outlast the process.

use std::collections::BTreeMap;

use alimi::domain::Expression;
use alimi::ports::PlannedSchedule;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use crate::aws::embedded::{EmbeddedError, StandInRows};

const PART: &str = "schedule";

pub(super) struct KeptSchedules(StandInRows);

/// A schedule. The name of its row is its name.
#[derive(Serialize, Deserialize)]
struct KeptSchedule {
    expression: String,
    timezone: String,
    enabled: bool,
    starts_at: Option<Timestamp>,
    is_once: bool,
    is_ours: bool,
    fired_to: Timestamp,
}

impl KeptSchedules {
    pub(super) fn new(rows: &StandInRows) -> Self {
        Self(rows.clone())
    }

    /// The schedules that are kept. Their times before `oldest` count as fired.
    pub(super) fn schedules(
        &self,
        oldest: Timestamp,
    ) -> Result<BTreeMap<String, Entry>, EmbeddedError> {
        let mut schedules = BTreeMap::new();
        for (name, kept) in self.0.all::<KeptSchedule>(PART)? {
            let expression = Expression::parse(&kept.expression);
            let zone = TimeZone::get(&kept.timezone);
            let (Ok(expression), Ok(zone)) = (expression, zone) else {
                // The sweeper finds that it is missing.
                tracing::error!(schedule = name, "a kept schedule cannot be read and is left out");
                continue;
            };
            let planned = PlannedSchedule {
                name: name.clone(),
                expression: kept.expression,
                timezone: kept.timezone,
                enabled: kept.enabled,
                starts_at: kept.starts_at,
                is_once: kept.is_once,
            };
            let fired_to = kept.fired_to.max(oldest);
            let entry = Entry { planned, is_ours: kept.is_ours, expression, zone, fired_to };
            schedules.insert(name, entry);
        }
        Ok(schedules)
    }

    /// Stores a schedule; `None` removes it.
    pub(super) fn keep(&self, name: &str, entry: Option<&Entry>) {
        let stored = match entry {
            None => self.0.remove(PART, name),
            Some(Entry { planned, is_ours, fired_to, .. }) => {
                let kept = KeptSchedule {
                    expression: planned.expression.clone(),
                    timezone: planned.timezone.clone(),
                    enabled: planned.enabled,
                    starts_at: planned.starts_at,
                    is_once: planned.is_once,
                    is_ours: *is_ours,
                    fired_to: *fired_to,
                };
                self.0.put(PART, name, &kept)
            }
        };
        if let Err(error) = stored {
            tracing::error!(
                schedule = name, %error,
                "a change of a schedule was not stored: after a restart it may be missing, or fire \
                 again"
            );
        }
    }
}
