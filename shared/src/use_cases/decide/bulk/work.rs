//! An invocation's work on a job: its lease, and its pages.

use std::time::Duration;

use tokio::time::Instant;

use super::DecideBulk;
use crate::domain::bulk_job::{BulkJob, BulkPage, BulkStatus};
use crate::ports::{PortError, Saved};

/// How many entries of the index are read for a page. A stop takes effect after the page.
const PAGE: usize = 100;
/// How long the lease on a job holds, in milliseconds. It is renewed with each page.
const LEASE_MS: i64 = 30_000;
/// For how long a throttled write is repeated: the page has to end before the lease does.
const RETRY_THROTTLED_FOR: Duration = Duration::from_secs(10);

impl DecideBulk {
    /// Works on a job within a request. Whatever is not done then, the sweeper goes on with it.
    pub async fn work_within(&self, job: BulkJob, until: Instant) -> BulkJob {
        match self.work(job.clone(), until).await {
            Ok(worked) => worked,
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "a job was interrupted; the sweeper goes on");
                job
            }
        }
    }

    /// Works on a job until it has ended, another invocation has it, or the time is up. Returns the job
    /// as it is stored then. Calling it again is always harmless.
    ///
    /// # Errors
    /// [`PortError`]: another call goes on behind the last page that was saved.
    pub async fn work(&self, job: BulkJob, until: Instant) -> Result<BulkJob, PortError> {
        let now_ms = self.decide.clock.now_ms();
        if job.status != BulkStatus::Running || job.is_held(now_ms) {
            return Ok(job);
        }
        let mut job = job;
        job.holder = self.randomness.next_u64();
        loop {
            let page = match job.page.clone() {
                Some(page) => page,
                None => self.next_page(&job).await?,
            };
            // The lease, and the page that another invocation would have to finish.
            job.page = Some(page.clone());
            job.lease_until_ms = Some(self.decide.clock.now_ms() + LEASE_MS);
            if self.save(&mut job).await? == Saved::Conflict {
                return self.stored(job).await;
            }
            let give_up_at = Instant::now() + RETRY_THROTTLED_FOR;
            job.counts.add(self.decide_page(&job, page.ids, give_up_at).await?);
            job.page = None;
            let is_last = page.next.is_none() || job.left() == 0;
            job.cursor = page.next;
            let is_over = is_last || Instant::now() >= until;
            if is_last {
                job.end(BulkStatus::Finished, self.decide.clock.now_ms());
            }
            if !is_over {
                // The next save has this progress as well.
                continue;
            }
            job.lease_until_ms = None;
            if self.save(&mut job).await? == Saved::Conflict {
                // An operator has stopped it, or another invocation has it.
                return self.stored(job).await;
            }
            log(&job);
            return Ok(job);
        }
    }

    async fn next_page(&self, job: &BulkJob) -> Result<BulkPage, PortError> {
        let filter = &job.wish.filter;
        let read = self.exceptions.exceptions(filter, job.cursor.as_deref(), PAGE).await?;
        let (mut entries, mut next) = (read.entries, read.next);
        let left = usize::try_from(job.left()).unwrap_or(usize::MAX);
        if entries.len() > left {
            // The index had not shown all of them when they were counted.
            entries.truncate(left);
            next = entries.last().map(|last| last.sort.clone());
        }
        Ok(BulkPage { ids: entries.into_iter().map(|entry| entry.id).collect(), next })
    }

    async fn save(&self, job: &mut BulkJob) -> Result<Saved, PortError> {
        let fence = job.fence;
        job.fence += 1;
        self.jobs.save_job(job, fence).await
    }

    async fn stored(&self, job: BulkJob) -> Result<BulkJob, PortError> {
        Ok(self.jobs.job(&job.id).await?.unwrap_or(job))
    }
}

fn log(job: &BulkJob) {
    let counts = job.counts;
    tracing::info!(
        job = %job.id,
        by = %job.by,
        channel = %job.wish.filter.channel,
        expected = job.wish.expected,
        done = counts.done,
        gone = counts.gone,
        refused = counts.refused,
        unreadable = counts.unreadable,
        finished = job.status == BulkStatus::Finished,
        "an invocation's work on a decision about many exceptions ended"
    );
}
