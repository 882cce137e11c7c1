//! What a run has done.

use alimi::domain::audience::PinnedAudience;
use alimi::domain::audience::file::BadLine;
use alimi::domain::run::{ByHand, Pins, RunCounts, RunStatus};
use alimi::use_cases::ListedRun;
use jiff::Timestamp;
use serde::Serialize;

use super::document::time;

#[derive(Serialize)]
pub(crate) struct RunView<'a> {
    id: String,
    scheduled_at: Timestamp,
    status: RunStatus,
    started_at: Option<Timestamp>,
    /// When the last notification was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    /// How many notifications have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<u64>,
    /// There may be more of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_is_minimum: Option<bool>,
    #[serde(flatten)]
    pins: Option<PinsView<'a>>,
    counts: RunCounts,
    faults: &'a [BadLine],
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlaps: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_hand: Option<&'a ByHand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel: Option<CancelView<'a>>,
}

/// Who has cancelled the run, and how many notifications were withdrawn, at least.
#[derive(Serialize)]
struct CancelView<'a> {
    by: &'a str,
    reason: &'a str,
    at: Option<Timestamp>,
    withdrawn: u64,
}

/// What the run has pinned.
#[derive(Serialize)]
struct PinsView<'a> {
    template: &'a str,
    template_revision: u64,
    audience: &'a PinnedAudience,
    priority: u16,
}

impl<'a> PinsView<'a> {
    fn of(pins: &'a Pins) -> Self {
        Self {
            template: &pins.template.name,
            template_revision: pins.template_revision,
            audience: &pins.audience,
            priority: pins.priority.0,
        }
    }
}

impl<'a> RunView<'a> {
    pub(crate) fn of(ListedRun { run, open }: &'a ListedRun) -> Self {
        Self {
            id: run.key.to_string(),
            scheduled_at: run.key.scheduled_at,
            status: run.status,
            started_at: time(run.started_at_ms),
            stored_at: run.stored_at_ms.and_then(time),
            ended_at: run.ended_at_ms.and_then(time),
            open: open.map(|open| open.count),
            open_is_minimum: open.map(|open| open.is_minimum),
            pins: run.pins.as_ref().map(PinsView::of),
            counts: run.counts,
            faults: &run.faults,
            failure: run.failure.as_deref(),
            overlaps: run.overlaps,
            by_hand: run.by_hand.as_ref(),
            cancel: run.cancel.as_ref().map(|cancel| CancelView {
                by: &cancel.by,
                reason: &cancel.reason,
                at: time(cancel.at_ms),
                withdrawn: cancel.withdrawn,
            }),
        }
    }
}
