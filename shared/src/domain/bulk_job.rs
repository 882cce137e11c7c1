//! A decision about many exceptions at once. It was counted before, page by page it is carried out, and it
//! can be stopped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decision::Settlement;
use super::exception_filter::ExceptionFilter;
use super::id::{NotificationId, content_digest};
use super::status::Status;

/// How many hexadecimal digits of the digest a job's id has.
const DIGEST_CHARACTERS: usize = 16;

/// What a job decides about each exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAct {
    Resend {
        /// Persons may get a message twice.
        may_double: bool,
    },
    Settle(Settlement),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkStatus {
    Running,
    /// It has decided about every exception that the filter took, or about as many as were counted.
    Finished,
    /// An operator has stopped it.
    Stopped,
}

/// What became of the exceptions that were read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkCounts {
    pub done: u64,
    /// They needed nobody any more: a receipt or another operator was faster.
    pub gone: u64,
    /// The decision is not possible: the sender may be at work, or the step before is not over.
    pub refused: u64,
    /// They cannot be read.
    pub unreadable: u64,
}

impl BulkCounts {
    pub fn add(&mut self, page: Self) {
        self.done += page.done;
        self.gone += page.gone;
        self.refused += page.refused;
        self.unreadable += page.unreadable;
    }
}

/// What an operator wants to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkWish {
    pub act: BulkAct,
    /// With its end: an exception that comes later was not counted.
    pub filter: ExceptionFilter,
    /// How many exceptions were counted.
    pub expected: u64,
    pub reason: String,
}

impl BulkWish {
    /// The id of the job that carries it out. The same wish is the same job, whoever repeats it.
    #[must_use]
    pub fn job_id(&self) -> String {
        // A struct of texts and numbers can always be written as JSON.
        let text = serde_json::to_vec(self).unwrap_or_default();
        let digest: String = content_digest(&text).chars().take(DIGEST_CHARACTERS).collect();
        format!("{:013}-{digest}", self.filter.until_ms.unwrap_or_default())
    }
}

/// Exceptions that a job is deciding about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkPage {
    pub ids: Vec<NotificationId>,
    /// The sort key behind which the next page goes on; `None` after the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkJob {
    pub id: String,
    pub wish: BulkWish,
    pub by: String,
    pub created_at_ms: i64,
    pub status: BulkStatus,
    /// The sort key behind which it goes on; `None` at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The page that it works on. What is decided about leaves the index, so a page that an invocation
    /// did not finish could not be read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<BulkPage>,
    #[serde(default)]
    pub counts: BulkCounts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    /// Increases with every save, so that no late write can undo a stop or progress.
    pub fence: u64,
    /// A random number of the invocation that works on it. Without it, two invocations could write the
    /// same content.
    pub holder: u64,
    /// Until when that invocation works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until_ms: Option<i64>,
}

impl BulkJob {
    /// How much two machines' clocks may differ.
    const SKEW_MS: i64 = 1_000;

    #[must_use]
    pub fn begun(wish: BulkWish, by: String, now_ms: i64, holder: u64) -> Self {
        Self {
            id: wish.job_id(),
            wish,
            by,
            created_at_ms: now_ms,
            status: BulkStatus::Running,
            cursor: None,
            page: None,
            counts: BulkCounts::default(),
            stopped_by: None,
            ended_at_ms: None,
            fence: 1,
            holder,
            lease_until_ms: None,
        }
    }

    #[must_use]
    pub fn is_held(&self, now_ms: i64) -> bool {
        self.lease_until_ms.is_some_and(|until_ms| now_ms < until_ms + Self::SKEW_MS)
    }

    /// How many more it may decide about.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.wish.expected.saturating_sub(self.counts.done)
    }

    pub fn end(&mut self, status: BulkStatus, at_ms: i64) {
        self.status = status;
        self.ended_at_ms = Some(at_ms);
        self.page = None;
        self.lease_until_ms = None;
    }
}

/// How many exceptions a filter takes, by their statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExceptionCounts {
    pub by_status: BTreeMap<Status, u64>,
    /// There may be more: the count was ended.
    pub is_minimum: bool,
}

impl ExceptionCounts {
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_status.values().sum()
    }

    /// How many may have reached their recipients.
    #[must_use]
    pub fn doubtful(&self) -> u64 {
        let may_have_arrived = [Status::Unknown, Status::Unconfirmed, Status::Delivered];
        may_have_arrived.iter().filter_map(|status| self.by_status.get(status)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish() -> BulkWish {
        BulkWish {
            act: BulkAct::Resend { may_double: false },
            filter: ExceptionFilter {
                channel: "sms".into(),
                until_ms: Some(1_772_413_200_000),
                ..ExceptionFilter::default()
            },
            expected: 3,
            reason: "the outage is over".into(),
        }
    }

    #[test]
    fn the_same_wish_is_the_same_job_and_any_other_is_another() {
        let id = wish().job_id();
        assert_eq!(id, wish().job_id());
        assert!(id.starts_with("1772413200000-") && id.len() == 30, "{id}");
        let others = [
            BulkWish { expected: 4, ..wish() },
            BulkWish { reason: "another".into(), ..wish() },
            BulkWish { act: BulkAct::Resend { may_double: true }, ..wish() },
            BulkWish { act: BulkAct::Settle(Settlement::GivenUp), ..wish() },
            BulkWish {
                filter: ExceptionFilter { status: Some(Status::Failed), ..wish().filter },
                ..wish()
            },
        ];
        for other in others {
            assert_ne!(other.job_id(), id, "{other:?}");
        }
    }

    #[test]
    fn a_job_never_decides_about_more_than_was_counted() {
        let mut job = BulkJob::begun(wish(), "kim".into(), 0, 1);
        assert_eq!(job.left(), 3);
        job.counts.add(BulkCounts { done: 2, gone: 5, ..BulkCounts::default() });
        assert_eq!(job.left(), 1, "what needed nobody any more does not count");
        job.counts.add(BulkCounts { done: 2, ..BulkCounts::default() });
        assert_eq!(job.left(), 0);
    }

    #[test]
    fn what_may_have_arrived_is_counted_apart() {
        let by_status = BTreeMap::from([
            (Status::Failed, 7),
            (Status::Unknown, 1),
            (Status::Unconfirmed, 2),
            (Status::Delivered, 4),
        ]);
        let counts = ExceptionCounts { by_status, is_minimum: false };
        assert_eq!((counts.total(), counts.doubtful()), (14, 7));
    }
}
