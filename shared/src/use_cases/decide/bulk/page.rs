//! One page of a job: each exception is decided about, unless it needs nobody any more.

use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::super::one::Act;
use super::DecideBulk;
use crate::domain::bulk_job::{BulkAct, BulkCounts, BulkJob};
use crate::domain::{Decider, Notification, NotificationId, Refused, ResendTerms, Undecided};
use crate::ports::PortError;
use crate::use_cases::apply::Applied;
use crate::use_cases::puts::retry_throttled;

/// How many exceptions are decided about at a time. All exceptions of a channel share a partition of their
/// index, which takes 1,000 writes a second.
const CONCURRENCY: usize = 8;

/// What became of one exception.
enum Outcome {
    Done,
    Gone,
    Refused,
    Unreadable,
}

impl DecideBulk {
    /// Decides about the exceptions of a page. Repeating this after a crash gives the same counts.
    pub(super) async fn decide_page(
        &self,
        job: &BulkJob,
        ids: Vec<NotificationId>,
        give_up_at: Instant,
    ) -> Result<BulkCounts, PortError> {
        let in_progress = stream::iter(ids)
            .map(|id| async move { self.decide_one(job, &id, give_up_at).await })
            .buffer_unordered(CONCURRENCY);
        tokio::pin!(in_progress);
        let (mut counts, mut failed) = (BulkCounts::default(), None);
        while let Some(outcome) = in_progress.next().await {
            match outcome {
                Ok(Outcome::Done) => counts.done += 1,
                Ok(Outcome::Gone) => counts.gone += 1,
                Ok(Outcome::Refused) => counts.refused += 1,
                Ok(Outcome::Unreadable) => counts.unreadable += 1,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            None => Ok(counts),
            Some(error) => Err(error),
        }
    }

    async fn decide_one(
        &self,
        job: &BulkJob,
        id: &NotificationId,
        give_up_at: Instant,
    ) -> Result<Outcome, PortError> {
        let attempt = || self.try_one(job, id);
        match retry_throttled(&*self.randomness, give_up_at, attempt).await {
            // The row stays unreadable, so failing here would stop the job for ever.
            Err(error @ PortError::Unusable { .. }) => {
                tracing::error!(notification = %id, %error, "an exception stays as it is");
                Ok(Outcome::Unreadable)
            }
            result => result,
        }
    }

    async fn try_one(&self, job: &BulkJob, id: &NotificationId) -> Result<Outcome, PortError> {
        let Some(mut found) = self.decide.notifications.load(id).await? else {
            return Ok(Outcome::Gone);
        };
        loop {
            // An invocation that crashed had got here before.
            if was_decided_by(job, &found) {
                return Ok(Outcome::Done);
            }
            // The index may be behind the table.
            if !job.wish.filter.takes_notification(&found) {
                return Ok(Outcome::Gone);
            }
            let decider = Decider {
                by: job.by.clone(),
                reason: job.wish.reason.clone(),
                revision: found.revision,
                job: Some(job.id.clone()),
            };
            let event = act(job.wish.act).event(decider, self.decide.clock.now_ms());
            match self.decide.apply.apply_to(found, &event).await? {
                Applied::Moved(_) => return Ok(Outcome::Done),
                Applied::Refused(changed, Refused::Undecided(Undecided::Changed)) => {
                    found = *changed;
                }
                Applied::Refused(_, Refused::Settled) | Applied::Missing => {
                    return Ok(Outcome::Gone);
                }
                Applied::Refused(
                    _,
                    Refused::TooLate
                    | Refused::NotYet
                    | Refused::NoSuchAttempt
                    | Refused::Undecided(_),
                ) => return Ok(Outcome::Refused),
            }
        }
    }
}

fn act(act: BulkAct) -> Act {
    match act {
        BulkAct::Resend { may_double } => {
            Act::Resend(ResendTerms { may_double, ..ResendTerms::default() })
        }
        BulkAct::Settle(settlement) => Act::Settle(settlement),
    }
}

fn was_decided_by(job: &BulkJob, notification: &Notification) -> bool {
    notification.decisions.iter().any(|decision| decision.job.as_ref() == Some(&job.id))
}
