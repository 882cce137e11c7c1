//! A decision about many exceptions: they are counted, then the job is stored, and then it is carried out
//! page by page. The console does the first pages within its request, and the sweeper the others.

mod counting;
mod page;
mod work;

use std::sync::Arc;
use std::time::Duration;

use super::one::Decide;
use crate::domain::bulk_job::{BulkAct, BulkJob, BulkStatus, BulkWish, ExceptionCounts};
use crate::domain::{ExceptionFilter, FieldError};
use crate::ports::{BulkJobs, Exceptions, PortError, Randomness, Saved};

/// How long a count stays valid, in milliseconds.
const COUNT_VALID_MS: i64 = 24 * 60 * 60 * 1000;
/// How long a job may take, in milliseconds. The sweeper looks no further back.
const JOB_LASTS_MAX_MS: i64 = 7 * COUNT_VALID_MS;
/// How many of the latest jobs are looked at.
const JOBS_MAX: usize = 1_000;
/// How often a stop is tried again while a job makes progress.
const TRIES_MAX: u32 = 20;

#[derive(Clone)]
pub struct DecideBulk {
    pub exceptions: Arc<dyn Exceptions>,
    pub jobs: Arc<dyn BulkJobs>,
    pub decide: Decide,
    pub randomness: Arc<dyn Randomness>,
}

/// The job of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    New(Box<BulkJob>),
    /// The same was asked for before.
    Known(Box<BulkJob>),
}

/// Why a job does not begin.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// The filter takes another number of exceptions than was expected.
    #[error("there are {} of them", .0.total())]
    OtherCount(ExceptionCounts),
    /// Some of them may have reached their recipients, and nobody has acknowledged that.
    #[error("{} of them may come twice", .0.doubtful())]
    MayDouble(ExceptionCounts),
    /// The job may have begun or not. Repeating the request is safe.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl DecideBulk {
    /// Counts the exceptions that a filter takes. Without an end of its own the filter gets the present
    /// time as its end: what fails later is not counted.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn count(
        &self,
        filter: ExceptionFilter,
    ) -> Result<(ExceptionFilter, ExceptionCounts), PortError> {
        let until_ms = filter.until_ms.unwrap_or_else(|| self.decide.clock.now_ms());
        let filter = ExceptionFilter { until_ms: Some(until_ms), ..filter };
        let counts = counting::count(&*self.exceptions, &filter).await?;
        Ok((filter, counts))
    }

    /// Stores the job of a wish. Repeating this stores it once.
    ///
    /// # Errors
    /// [`NotBegun`].
    pub async fn begin(&self, wish: BulkWish, by: String) -> Result<Begun, NotBegun> {
        let now_ms = self.decide.clock.now_ms();
        check_period(wish.filter.until_ms, now_ms)?;
        if let Some(known) = self.jobs.job(&wish.job_id()).await? {
            return Ok(Begun::Known(Box::new(known)));
        }
        let counts = counting::count(&*self.exceptions, &wish.filter).await?;
        if counts.is_minimum {
            let detail = format!(
                "takes more than {} exceptions; choose fewer: by status, reason, template, or with \
                 since and until",
                counts.total()
            );
            return Err(FieldError::new("filter", detail).into());
        }
        if counts.total() != wish.expected {
            return Err(NotBegun::OtherCount(counts));
        }
        if wish.expected == 0 {
            return Err(
                FieldError::new("expected", "is 0: there is nothing to decide about").into()
            );
        }
        if wish.act == (BulkAct::Resend { may_double: false }) && counts.doubtful() > 0 {
            return Err(NotBegun::MayDouble(counts));
        }
        if matches!(wish.act, BulkAct::Resend { .. }) {
            self.check_channel(&wish.filter.channel).await?;
        }
        let job = BulkJob::begun(wish, by, now_ms, self.randomness.next_u64());
        Ok(match self.jobs.create_job(&job).await? {
            None => Begun::New(Box::new(job)),
            Some(known) => Begun::Known(Box::new(known)),
        })
    }

    /// Without their channel, the messages would wait for ever, and nobody would see them among the
    /// exceptions any more.
    async fn check_channel(&self, name: &str) -> Result<(), NotBegun> {
        if self.decide.catalog.channel(name).await?.is_some() {
            return Ok(());
        }
        let detail = format!("is {name:?}, which does not exist any more; settle them instead");
        Err(FieldError::new("filter.channel", detail).into())
    }

    /// Stops a job after the page that it is working on. Stopping one that has ended changes nothing.
    /// `None` when there is no such job.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn stop(&self, id: &str, by: &str) -> Result<Option<BulkJob>, PortError> {
        for _ in 0..TRIES_MAX {
            let Some(mut job) = self.jobs.job(id).await? else { return Ok(None) };
            if job.status != BulkStatus::Running {
                return Ok(Some(job));
            }
            let fence = job.fence;
            job.fence += 1;
            job.stopped_by = Some(by.to_owned());
            job.end(BulkStatus::Stopped, self.decide.clock.now_ms());
            if self.jobs.save_job(&job, fence).await? == Saved::Done {
                return Ok(Some(job));
            }
            // It has made progress meanwhile.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let detail = format!("{TRIES_MAX} conflicting saves of {id}");
        Err(PortError::Unavailable { what: "the job", detail })
    }

    /// The latest jobs, newest first.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn list(&self, limit: usize) -> Result<Vec<BulkJob>, PortError> {
        self.jobs.jobs(None, limit).await
    }

    /// The jobs that are running, the oldest first.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn running(&self) -> Result<Vec<BulkJob>, PortError> {
        let from_ms = self.decide.clock.now_ms() - JOB_LASTS_MAX_MS;
        let latest = self.jobs.jobs(Some(&format!("{from_ms:013}")), JOBS_MAX).await?;
        let running = latest.into_iter().filter(|job| job.status == BulkStatus::Running);
        Ok(running.rev().collect())
    }
}

/// A count is of a past period, and not an old one.
fn check_period(until_ms: Option<i64>, now_ms: i64) -> Result<(), FieldError> {
    let must = match until_ms {
        Some(until_ms) if until_ms > now_ms => "is in the future",
        Some(until_ms) if until_ms < now_ms - COUNT_VALID_MS => "is more than a day ago",
        Some(_) => return Ok(()),
        None => "is missing",
    };
    let detail = format!("{must}; must be the `until` of the dry run's answer");
    Err(FieldError::new("filter.until", detail))
}
