//! The beginning of a run: whether there is to be one, and what it goes by.

use jiff::Timestamp;

use super::past::Past;
use super::row::Row;
use super::{RunOutcome, Runner, Stop};
use crate::domain::channel::is_name;
use crate::domain::run::{Pins, RunCounts, RunStatus};
use crate::domain::schedule::CatchUp;
use crate::domain::{Run, RunKey, Schedule, Template};
use crate::ports::PortError;
use crate::ports::scheduling::Kind;

/// How far a run's time may lie ahead: clocks differ, and the scheduler's may be the faster one.
const AHEAD_MS: i64 = 60_000;

/// What a beginning came to.
pub(super) enum Begun {
    /// A run that is stored; somebody else may have been quicker to do that.
    Run(Box<Run>),
    /// None.
    Not(RunOutcome),
}

/// A run that was asked for and is not to be. That a schedule was edited, switched off or deleted in
/// the last second is nobody's fault, and nothing that anybody has to be called for.
fn not_to_be(key: &RunKey, outcome: RunOutcome) -> Begun {
    const WHAT: &str = "a run was asked for that is not to be";
    let RunKey { schedule, scheduled_at } = key;
    match outcome {
        RunOutcome::NoSuchSchedule | RunOutcome::Disabled | RunOutcome::NotScheduled => {
            tracing::warn!(%schedule, %scheduled_at, ?outcome, "{WHAT}");
        }
        RunOutcome::NotDue
        | RunOutcome::Ended
        | RunOutcome::ToBeContinued
        | RunOutcome::Interrupted
        | RunOutcome::HeldElsewhere => {
            tracing::error!(%schedule, %scheduled_at, ?outcome, "{WHAT}");
        }
    }
    Begun::Not(outcome)
}

impl Runner {
    pub(super) async fn begin(&self, key: &RunKey) -> Result<Begun, PortError> {
        let now_ms = self.clock.now_ms();
        let late_ms = now_ms - key.scheduled_at.as_millisecond();
        let row = match self.row(&key.schedule).await {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(not_to_be(key, RunOutcome::NoSuchSchedule)),
            // Until then somebody may mend the row, and it is tried again.
            Err(error @ PortError::Corrupt { .. }) if late_ms > Schedule::LATE_MS => {
                return self.begin_in_vain(key, &error, now_ms).await;
            }
            Err(error) => return Err(error),
        };
        if !row.schedule.enabled {
            return Ok(not_to_be(key, RunOutcome::Disabled));
        }
        if late_ms < -AHEAD_MS {
            return Ok(not_to_be(key, RunOutcome::NotDue));
        }
        let catch_up = row.schedule.catch_up;
        if !self.may_run_at(row, key.scheduled_at).await? {
            return Ok(not_to_be(key, RunOutcome::NotScheduled));
        }
        let mut run = self.new_run(key, now_ms);
        match catch_up {
            CatchUp::Skip if late_ms > Schedule::LATE_MS => {
                tracing::warn!(
                    schedule = %key.schedule, scheduled_at = %key.scheduled_at, late_ms,
                    "a run is left out: it comes too late"
                );
                run.end(RunStatus::Missed, None, now_ms);
            }
            CatchUp::Skip | CatchUp::Run => {}
        }
        // Nobody has it yet: whoever takes it first goes on, as after a crash. From here on the
        // sweeper finds it, even if what it goes by cannot be read now.
        let known = self.runs.create_run(&run).await?;
        Ok(Begun::Run(Box::new(known.unwrap_or(run))))
    }

    /// Puts a run on record whose schedule cannot be read: trying again would not help it.
    async fn begin_in_vain(
        &self,
        key: &RunKey,
        error: &PortError,
        now_ms: i64,
    ) -> Result<Begun, PortError> {
        tracing::error!(
            schedule = %key.schedule, scheduled_at = %key.scheduled_at, %error,
            "a run failed; its record tells why"
        );
        let mut run = self.new_run(key, now_ms);
        run.end(RunStatus::Failed, Some(error.to_string()), now_ms);
        let known = self.runs.create_run(&run).await?;
        Ok(Begun::Run(Box::new(known.unwrap_or(run))))
    }

    fn new_run(&self, key: &RunKey, now_ms: i64) -> Run {
        Run {
            key: key.clone(),
            status: RunStatus::Running,
            started_at_ms: now_ms,
            ended_at_ms: None,
            pins: None,
            cursor: None,
            counts: RunCounts::default(),
            faults: vec![],
            failure: None,
            overlaps: None,
            fence: 1,
            holder: self.entropy.next_u64(),
            lease_until_ms: None,
        }
    }

    /// Whether the row, as it was when the time came, asked for a run. The scheduler follows the row
    /// a little later, may fire twice and tries again for a day: what it was to fire may come
    /// anyway, and long after. A time that no history tells of is run, rather than left out.
    async fn may_run_at(&self, row: Row, at: Timestamp) -> Result<bool, PortError> {
        if row.was_in_force_at(at) {
            return Ok(row.names(at));
        }
        Ok(Past::of(row, &*self.documents).await?.named(at).unwrap_or(true))
    }

    async fn row(&self, name: &str) -> Result<Option<Row>, PortError> {
        // What cannot be a name is nobody's, and the database would refuse some of it as a key.
        if !is_name(name) {
            return Ok(None);
        }
        let document = self.documents.document(Kind::Schedule, name).await?;
        Ok(document.map(Row::read).transpose()?.flatten())
    }

    /// What the run goes by, as it is now.
    pub(super) async fn pins(&self, key: &RunKey) -> Result<Pins, Stop> {
        let row = self.row(&key.schedule).await?;
        let schedule = row
            .map(|row| row.schedule)
            .ok_or_else(|| Stop::Hopeless("its schedule was deleted before it began".into()))?;
        if !schedule.enabled {
            return Err(Stop::Hopeless("its schedule was switched off before it began".into()));
        }
        let name = &schedule.template;
        let document = self.documents.document(Kind::Template, name).await?;
        let found = document.and_then(|found| Some((found.body?, found.revision)));
        let Some((body, template_revision)) = found else {
            return Err(Stop::Hopeless(format!("there is no template {name:?}")));
        };
        let template: Template = serde_json::from_value(body)
            .map_err(|_| Stop::Hopeless(format!("the template {name:?} cannot be read")))?;
        let name = &schedule.audience;
        let audience = self
            .catalog
            .audience(name)
            .await?
            .ok_or_else(|| Stop::Hopeless(format!("there is no audience {name:?}")))?;
        Ok(Pins {
            template,
            template_revision,
            audience: self.audiences.pin(&audience).await?,
            priority: schedule.priority_at(key.scheduled_at),
        })
    }
}
