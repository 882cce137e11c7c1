//! Runs a schedule at a time that an operator chooses.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::run::{ByHand, RunStatus};
use crate::domain::{FieldError, Run, RunKey};
use crate::ports::{Clock, Documents, PortError, Randomness, RunQueue, Runs, Saved};
use crate::use_cases::schedule_row::ScheduleRow;

/// How old the time of the request may be: a client repeats a request for a while.
const AGE_MAX_MS: i64 = 10 * 60 * 1000;
/// How much the clocks of a client and of this function may differ.
const AHEAD_MAX_MS: i64 = 60 * 1000;
/// How many of a schedule's latest runs are searched for one in progress.
const LATEST_RUNS: usize = 20;
/// How often an earlier run looks whether a later one has given way.
const SEARCHES: usize = 5;
const SEARCH_EVERY: Duration = Duration::from_millis(300);

#[derive(Clone)]
pub struct RunNow {
    pub documents: Arc<dyn Documents>,
    pub runs: Arc<dyn Runs>,
    pub queue: Arc<dyn RunQueue>,
    pub clock: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
}

/// The run of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunBegun {
    New(Box<Run>),
    /// There is a run of this time: by the same request before, or because the schedule asks for it.
    Known(Box<Run>),
}

/// Why no run begins.
#[derive(Debug, thiserror::Error)]
pub enum NoRunNow {
    #[error("there is no such schedule")]
    Missing,
    #[error("the schedule is disabled")]
    Disabled,
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// Its members would get two messages.
    #[error("another run of the schedule is in progress, or was begun by hand just now")]
    InProgress(RunKey),
    /// The run may have begun or not. Repeating the request is safe.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl RunNow {
    /// Begins a run of a schedule. `at` names the run: the same time is the same run, however often it is
    /// asked for.
    ///
    /// # Errors
    /// [`NoRunNow`].
    pub async fn run(
        &self,
        schedule: &str,
        at: Timestamp,
        by_hand: ByHand,
    ) -> Result<RunBegun, NoRunNow> {
        let now_ms = self.clock.now_ms();
        let row = ScheduleRow::load(&*self.documents, schedule).await?.ok_or(NoRunNow::Missing)?;
        check_time(at, now_ms)?;
        if !row.schedule.enabled {
            return Err(NoRunNow::Disabled);
        }
        let key = RunKey::new(schedule, at);
        if let Some(known) = self.runs.run(&key).await? {
            return Ok(self.known(known).await);
        }
        if let Some(other) = self.others_in_progress(&key, now_ms).await?.into_iter().next() {
            return Err(NoRunNow::InProgress(other));
        }
        let mut run = Run::begun(key.clone(), now_ms, self.randomness.next_u64());
        run.by_hand = Some(by_hand);
        if let Some(known) = self.runs.create_run(&run).await? {
            return Ok(self.known(known).await);
        }
        if let Some(other) = self.rival(&key, now_ms).await? {
            self.withdraw(run).await?;
            return Err(NoRunNow::InProgress(other));
        }
        self.request(&key).await;
        Ok(RunBegun::New(Box::new(run)))
    }

    /// The run to which a new run has to give way.
    ///
    /// Requests with different times may have passed the first search together. Of two runs, the one that
    /// was stored second finds the other. A run gives way to an earlier one at once. An earlier run goes
    /// on only after the later one has given way, because that one may not have seen it and may be at
    /// work.
    async fn rival(&self, key: &RunKey, now_ms: i64) -> Result<Option<RunKey>, PortError> {
        let mut searches_left = SEARCHES;
        loop {
            let others = self.others_in_progress(key, now_ms).await?;
            searches_left -= 1;
            let is_earlier = |other: &&RunKey| other.scheduled_at <= key.scheduled_at;
            let rival = others.iter().find(is_earlier).or(others.first());
            match rival {
                None => return Ok(None),
                Some(other) if is_earlier(&other) || searches_left == 0 => {
                    return Ok(Some(other.clone()));
                }
                Some(_) => tokio::time::sleep(SEARCH_EVERY).await,
            }
        }
    }

    /// The first request may have ended before it asked the trigger.
    async fn known(&self, run: Run) -> RunBegun {
        if run.status == RunStatus::Storing {
            self.request(&run.key).await;
        }
        RunBegun::Known(Box::new(run))
    }

    async fn request(&self, key: &RunKey) {
        if let Err(error) = self.queue.request_run(key).await {
            tracing::warn!(
                schedule = %key.schedule, %error,
                "a run was not requested; the sweeper will request it"
            );
        }
    }

    /// Ends a run that nobody has worked on. If somebody has, it goes on.
    async fn withdraw(&self, mut run: Run) -> Result<(), PortError> {
        let fence = run.fence;
        run.fence += 1;
        run.end(RunStatus::Cancelled, None, self.clock.now_ms());
        match self.runs.save_run(&run, fence).await? {
            Saved::Done | Saved::Conflict => Ok(()),
        }
    }

    /// Other runs of the schedule that store their notifications, or that were begun by hand just now.
    async fn others_in_progress(
        &self,
        key: &RunKey,
        now_ms: i64,
    ) -> Result<Vec<RunKey>, PortError> {
        let latest = self.runs.runs(&key.schedule, LATEST_RUNS).await?;
        let in_progress = |run: &Run| {
            let is_recent = run.by_hand.is_some() && now_ms - run.started_at_ms < AGE_MAX_MS;
            let was_withdrawn = run.status == RunStatus::Cancelled;
            run.key != *key && (run.status == RunStatus::Storing || (is_recent && !was_withdrawn))
        };
        Ok(latest.into_iter().filter(in_progress).map(|run| run.key).collect())
    }
}

fn check_time(at: Timestamp, now_ms: i64) -> Result<(), FieldError> {
    let age_ms = now_ms - at.as_millisecond();
    if (-AHEAD_MAX_MS..=AGE_MAX_MS).contains(&age_ms) {
        return Ok(());
    }
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let detail = format!(
        "is {at}; must be the present time, {now}, or at most 10 minutes earlier: it names the run"
    );
    Err(FieldError::new("at", detail))
}
