//! Cancels runs: no further notification is stored, and those that have not left are withdrawn. The
//! console begins within its request, and the sweeper goes on.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::apply::{Applied, Apply};
use crate::domain::agenda::id_in;
use crate::domain::run::{RunCancel, RunStatus};
use crate::domain::{Event, Group, NotificationId, Run, RunKey};
use crate::ports::{Clock, GroupMember, Groups, MemberState, PortError, Runs, Saved};

/// How many notifications are read at a time.
const PAGE: usize = 100;
/// How many notifications are withdrawn at a time.
const CONCURRENCY: usize = 8;
/// How many runs a round looks at.
const RUNS_MAX: usize = 100;
/// How long a round works on runs.
const WORK_FOR: Duration = Duration::from_secs(20);
/// How long after the run's last invocation a search finds everything that it has stored: the index lags.
const QUIET_AFTER_MS: i64 = 60_000;
/// More conflicting saves than this count as an outage.
const TRIES_MAX: u32 = 20;

#[derive(Clone)]
pub struct CancelRuns {
    pub runs: Arc<dyn Runs>,
    pub groups: Arc<dyn Groups>,
    pub apply: Apply,
    pub clock: Arc<dyn Clock>,
}

/// What a request to cancel a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelAsked {
    /// The run is being cancelled from now on.
    Begun(Box<Run>),
    /// It was asked for before.
    Repeated(Box<Run>),
    /// The run is over: nothing of it waits.
    TooLate(Box<Run>),
    Missing,
}

impl CancelRuns {
    /// Begins to cancel a run. From then on no invocation of the trigger stores anything of it.
    ///
    /// # Errors
    /// [`PortError`]: repeating the request is safe.
    pub async fn ask(
        &self,
        key: &RunKey,
        by: &str,
        reason: &str,
    ) -> Result<CancelAsked, PortError> {
        for _ in 0..TRIES_MAX {
            let Some(mut run) = self.runs.run(key).await? else { return Ok(CancelAsked::Missing) };
            match run.status {
                RunStatus::Storing | RunStatus::Sending | RunStatus::Failed => {}
                RunStatus::Cancelling | RunStatus::Cancelled => {
                    return Ok(CancelAsked::Repeated(Box::new(run)));
                }
                RunStatus::Finished | RunStatus::Missed => {
                    return Ok(CancelAsked::TooLate(Box::new(run)));
                }
            }
            let now_ms = self.clock.now_ms();
            // An invocation that stores notifications learns of this when it saves its page.
            let ends_at_ms = run.lease_until_ms.map_or(now_ms, |until_ms| until_ms.max(now_ms));
            run.cancel = Some(RunCancel {
                by: by.to_owned(),
                reason: reason.to_owned(),
                at_ms: now_ms,
                quiet_at_ms: ends_at_ms + QUIET_AFTER_MS,
                pass_began_ms: None,
                cursor: None,
                withdrawn: 0,
            });
            run.status = RunStatus::Cancelling;
            run.ended_at_ms = None;
            run.lease_until_ms = None;
            if self.save(&mut run).await? == Saved::Done {
                return Ok(CancelAsked::Begun(Box::new(run)));
            }
            // It has stored a page meanwhile.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let detail = format!("{TRIES_MAX} conflicting saves of a run of {}", key.schedule);
        Err(PortError::Unavailable { what: "the run", detail })
    }

    /// Goes on with the runs that are being cancelled. A run that fails does not hold up the others.
    ///
    /// # Errors
    /// [`PortError`] when the runs cannot be listed.
    pub async fn round(&self) -> Result<(), PortError> {
        let until = Instant::now() + WORK_FOR;
        for key in self.runs.cancelling_runs(RUNS_MAX).await? {
            let worked = match self.runs.run(&key).await {
                Ok(Some(run)) => self.work(run, until).await.map(drop),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = worked {
                tracing::error!(
                    schedule = %key.schedule, scheduled_at = %key.scheduled_at, %error,
                    "a run is not cancelled completely; the next round goes on"
                );
            }
        }
        Ok(())
    }

    /// Withdraws notifications of a run within a request. Whatever is left then, the sweeper withdraws.
    pub async fn work_within(&self, run: Run, until: Instant) -> Run {
        match self.work(run.clone(), until).await {
            Ok(worked) => worked,
            Err(error) => {
                tracing::warn!(
                    schedule = %run.key.schedule, scheduled_at = %run.key.scheduled_at, %error,
                    "a run is not cancelled completely; the sweeper goes on"
                );
                run
            }
        }
    }

    /// Withdraws notifications of a run until the time is up, or nothing is left. Calling it again is
    /// always harmless.
    ///
    /// # Errors
    /// [`PortError`]: another call goes on behind the last page that was saved.
    pub async fn work(&self, mut run: Run, until: Instant) -> Result<Run, PortError> {
        loop {
            let now_ms = self.clock.now_ms();
            let (RunStatus::Cancelling, Some(mut cancel)) = (run.status, run.cancel.clone()) else {
                return Ok(run);
            };
            let began_ms = *cancel.pass_began_ms.get_or_insert(now_ms);
            let group = Group::run(&run.key);
            let page = self.groups.group_members(&group, cancel.cursor.as_deref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            cancel.cursor = page.last().map(|last| last.sort.clone()).or(cancel.cursor);
            cancel.withdrawn += self.withdraw(page).await?;
            // A pass that began too early may have missed what was stored at the same time.
            let is_over = is_last && began_ms >= cancel.quiet_at_ms;
            if is_last {
                (cancel.cursor, cancel.pass_began_ms) = (None, None);
            }
            run.cancel = Some(cancel);
            if is_over {
                let failure = run.failure.take();
                run.end(RunStatus::Cancelled, failure, now_ms);
            }
            if self.save(&mut run).await? == Saved::Conflict {
                // Another invocation works on it.
                return Ok(self.runs.run(&run.key).await?.unwrap_or(run));
            }
            if is_last || Instant::now() >= until {
                return Ok(run);
            }
        }
    }

    /// Withdraws what has not left, and returns how many notifications that are.
    async fn withdraw(&self, page: Vec<GroupMember>) -> Result<u64, PortError> {
        let event = Event::CancelRequested { at_ms: self.clock.now_ms() };
        let event = &event;
        let waiting = page.into_iter().filter(|member| match member.state {
            MemberState::Stored { status, .. } => status.is_waiting(),
            MemberState::Deleted | MemberState::Unreadable => false,
        });
        let ids = waiting.filter_map(|member| id_in(&member.sort)?.parse::<NotificationId>().ok());
        let mut withdrawn = stream::iter(ids)
            .map(|id| async move { self.apply.apply(&id, event).await })
            .buffer_unordered(CONCURRENCY);
        let (mut count, mut failed) = (0, None);
        while let Some(applied) = withdrawn.next().await {
            match applied {
                Ok(Applied::Moved(_)) => count += 1,
                Ok(Applied::Refused(..) | Applied::Missing) => {}
                Err(error @ PortError::Unusable { .. }) => {
                    tracing::error!(%error, "a notification of a cancelled run stays as it is");
                }
                Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                    failed = failed.or(Some(error));
                }
            }
        }
        match failed {
            None => Ok(count),
            Some(error) => Err(error),
        }
    }

    async fn save(&self, run: &mut Run) -> Result<Saved, PortError> {
        let fence = run.fence;
        run.fence += 1;
        self.runs.save_run(run, fence).await
    }
}
