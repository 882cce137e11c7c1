//! Decisions about many exceptions: the count, and the job.

use std::collections::BTreeMap;

use alimi::domain::bulk_job::{BulkAct, BulkCounts, BulkJob, BulkStatus, ExceptionCounts};
use alimi::domain::{ExceptionFilter, Settlement, Status};
use jiff::Timestamp;
use serde::Serialize;

use super::document::time;

/// A filter as a request has it.
#[derive(Serialize)]
struct FilterView<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl<'a> FilterView<'a> {
    fn of(filter: &'a ExceptionFilter) -> Self {
        Self {
            channel: &filter.channel,
            status: filter.status,
            reason: filter.reason.as_deref(),
            template: filter.template.as_deref(),
            since: filter.since_ms.and_then(time),
            until: filter.until_ms.and_then(time),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct BulkCountView<'a> {
    dry_run: bool,
    /// The filter of the request that begins the job.
    filter: FilterView<'a>,
    counts: &'a BTreeMap<Status, u64>,
    total: u64,
    /// There are more: the count was ended.
    is_minimum: bool,
}

impl<'a> BulkCountView<'a> {
    pub(crate) fn of(filter: &'a ExceptionFilter, counts: &'a ExceptionCounts) -> Self {
        Self {
            dry_run: true,
            filter: FilterView::of(filter),
            counts: &counts.by_status,
            total: counts.total(),
            is_minimum: counts.is_minimum,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct BulkJobView<'a> {
    id: &'a str,
    action: &'static str,
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    settlement: Option<Settlement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    may_double: Option<bool>,
    status: BulkStatus,
    filter: FilterView<'a>,
    expected: u64,
    counts: BulkCounts,
    reason: &'a str,
    by: &'a str,
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_by: Option<&'a str>,
}

impl<'a> BulkJobView<'a> {
    pub(crate) fn of(job: &'a BulkJob) -> Self {
        let (action, settlement, may_double) = match job.wish.act {
            BulkAct::Resend { may_double } => ("resend", None, Some(may_double)),
            BulkAct::Settle(settlement) => ("settle", Some(settlement), None),
        };
        Self {
            id: &job.id,
            action,
            settlement,
            may_double,
            status: job.status,
            filter: FilterView::of(&job.wish.filter),
            expected: job.wish.expected,
            counts: job.counts,
            reason: &job.wish.reason,
            by: &job.by,
            created_at: time(job.created_at_ms),
            ended_at: job.ended_at_ms.and_then(time),
            stopped_by: job.stopped_by.as_deref(),
        }
    }
}
