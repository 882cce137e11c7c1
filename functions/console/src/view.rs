//! What operators get to see. Members' numbers and variables are left out.

use alimi::delivery::configure::check::local;
use alimi::delivery::forecast::{Forecast, Warning};
use alimi::delivery::{DryRunReport, UploadReport};
use alimi::domain::audience::PinnedAudience;
use alimi::domain::audience::file::BadLine;
use alimi::domain::channel::millis;
use alimi::domain::hours::{Decision, DropReason, Hours};
use alimi::domain::run::{MemberFault, Pins, RunCounts, RunStatus};
use alimi::domain::{Channel, Run, Schedule};
use alimi::ports::scheduling::Document;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// What to say as `after` for the page that follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// Times that we stored are within the range of a timestamp.
fn time(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}

#[derive(Serialize)]
pub(crate) struct DocumentView<'a> {
    name: &'a str,
    revision: u64,
    changed_by: &'a str,
    changed_at: Option<Timestamp>,
    document: Option<&'a Value>,
}

impl<'a> DocumentView<'a> {
    pub(crate) fn of(document: &'a Document) -> Self {
        Self {
            name: &document.name,
            revision: document.revision,
            changed_by: &document.changed_by,
            changed_at: time(document.changed_at_ms),
            document: document.body.as_ref(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct RevisionView<'a> {
    revision: u64,
    changed_by: &'a str,
    changed_at: Option<Timestamp>,
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a Value>,
}

impl<'a> RevisionView<'a> {
    pub(crate) fn of(document: &'a Document) -> Self {
        Self {
            revision: document.revision,
            changed_by: &document.changed_by,
            changed_at: time(document.changed_at_ms),
            deleted: document.body.is_none(),
            document: document.body.as_ref(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct UploadView<'a> {
    members: u64,
    bad_lines: &'a [BadLine],
    bad_line_count: u64,
    doubled: u64,
    version: &'a str,
    committed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    next_line: u64,
}

impl<'a> UploadView<'a> {
    pub(crate) fn of(report: &'a UploadReport) -> Self {
        Self {
            members: report.members,
            bad_lines: &report.bad_lines,
            bad_line_count: report.bad_line_count,
            doubled: report.doubled,
            version: &report.version,
            committed: report.committed,
            size: report.size,
            next_line: report.next_line,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct PreviewView<'a> {
    schedule: &'a str,
    expression: &'a str,
    timezone: &'a str,
    enabled: bool,
    /// `None` when there is none, or no minute is left of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowView<'a>>,
    times: Vec<TimeView>,
    audience: AudienceView<'a>,
    limit_per_second: u32,
    drain_seconds: Option<f64>,
    warnings: Vec<WarningView>,
}

#[derive(Serialize)]
struct WindowView<'a> {
    #[serde(flatten)]
    window: alimi::domain::hours::Window,
    timezone: &'a str,
}

#[derive(Serialize)]
pub(crate) struct AudienceView<'a> {
    pub(crate) name: &'a str,
    pub(crate) size: Option<u64>,
    /// The size is that of the file's last run, or what its first part tells.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) size_is_estimate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
}

#[derive(Serialize)]
struct TimeView {
    at: String,
    #[serde(flatten)]
    decision: DecisionView,
}

#[derive(Serialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
enum DecisionView {
    Send,
    Wait { until: String },
    Drop { reason: DropReason },
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum WarningView {
    Disabled,
    NoTime,
    NobodyThere,
    FileMissing,
    Paused,
    StrictLimit { detail: &'static str },
    OutsideWindow { at: String, until: Option<String>, detail: String },
    CrossesWindowEnd { at: String, closes_at: String, left: u64, detail: String },
}

impl<'a> PreviewView<'a> {
    pub(crate) fn of(
        schedule: &'a Schedule,
        channel: &'a Channel,
        hours: Hours,
        forecast: &Forecast,
        audience: AudienceView<'a>,
    ) -> Self {
        let zone = schedule.zone().unwrap_or(TimeZone::UTC);
        let window = match hours {
            Hours::Exempt | Hours::Never => None,
            Hours::Within(window) => Some(WindowView { window, timezone: &channel.timezone }),
        };
        let times = forecast.times.iter().map(|time| TimeView {
            at: local(time.at, &zone),
            decision: match time.decision {
                Decision::Send => DecisionView::Send,
                Decision::Defer(until) => DecisionView::Wait { until: local(until, &zone) },
                Decision::Drop(reason) => DecisionView::Drop { reason },
            },
        });
        Self {
            schedule: &schedule.name,
            expression: schedule.expression.as_str(),
            timezone: &schedule.timezone,
            enabled: schedule.enabled,
            window,
            times: times.collect(),
            audience,
            limit_per_second: channel.limit.per_second,
            drain_seconds: forecast.drain.map(|drain| millis(drain) as f64 / 1000.0),
            warnings: forecast.warnings.iter().map(|of| WarningView::of(*of, &zone)).collect(),
        }
    }
}

impl WarningView {
    fn of(warning: Warning, zone: &TimeZone) -> Self {
        match warning {
            Warning::Disabled => Self::Disabled,
            Warning::NoTime => Self::NoTime,
            Warning::NobodyThere => Self::NobodyThere,
            Warning::FileMissing => Self::FileMissing,
            Warning::Paused => Self::Paused,
            Warning::StrictLimit => Self::StrictLimit {
                detail: "the channel's limit is strict: its messages wait for the answers to those \
                         before, and draining takes longer than drain_seconds",
            },
            Warning::OutsideWindow { at, until } => {
                let (at, until) = (local(at, zone), until.map(|until| local(until, zone)));
                let detail = match &until {
                    Some(until) => format!("the window is closed at {at}: it opens at {until}"),
                    None => "the windows have no minute in common".to_owned(),
                };
                Self::OutsideWindow { at, until, detail }
            }
            Warning::CrossesWindowEnd { at, closes_at, left } => {
                let (at, closes_at) = (local(at, zone), local(closes_at, zone));
                let detail = format!(
                    "the run of {at} is not through when the window closes at {closes_at}: {left} \
                     messages wait for the next opening"
                );
                Self::CrossesWindowEnd { at, closes_at, left, detail }
            }
        }
    }
}

#[derive(Serialize)]
pub(crate) struct DryRunView<'a> {
    scheduled_at: Timestamp,
    members: u64,
    sendable: u64,
    unsendable: u64,
    doubled: u64,
    faults: &'a [MemberFault],
    /// Nobody is left to be tried.
    complete: bool,
    /// What to say as `after` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl<'a> DryRunView<'a> {
    pub(crate) fn of(report: &'a DryRunReport) -> Self {
        Self {
            scheduled_at: report.scheduled_at,
            members: report.members,
            sendable: report.sendable,
            unsendable: report.unsendable,
            doubled: report.doubled,
            faults: &report.faults,
            complete: report.next.is_none(),
            next: report.next.as_deref(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct RunView<'a> {
    scheduled_at: Timestamp,
    status: RunStatus,
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(flatten)]
    pins: Option<PinsView<'a>>,
    counts: RunCounts,
    faults: &'a [MemberFault],
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlaps: Option<Timestamp>,
}

/// What the run goes by.
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
    pub(crate) fn of(run: &'a Run) -> Self {
        Self {
            scheduled_at: run.key.scheduled_at,
            status: run.status,
            started_at: time(run.started_at_ms),
            ended_at: run.ended_at_ms.and_then(time),
            pins: run.pins.as_ref().map(PinsView::of),
            counts: run.counts,
            faults: &run.faults,
            failure: run.failure.as_deref(),
            overlaps: run.overlaps,
        }
    }
}
