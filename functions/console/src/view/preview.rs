//! What a schedule will do.

use alimi::domain::duration::millis;
use alimi::domain::hours::{Decision, DropReason, Hours, Window};
use alimi::domain::zone::local_time;
use alimi::use_cases::Preview;
use alimi::use_cases::console::forecast::Warning;
use jiff::tz::TimeZone;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct PreviewView<'a> {
    schedule: &'a str,
    expression: &'a str,
    timezone: &'a str,
    enabled: bool,
    /// `None` when the messages may leave at any time, or never.
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
    window: Window,
    timezone: &'a str,
}

#[derive(Serialize)]
struct AudienceView<'a> {
    name: &'a str,
    size: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    size_is_estimate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
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
    AudienceEmpty,
    FileMissing,
    Paused,
    StrictLimit { detail: &'static str },
    OutsideWindow { at: String, until: Option<String>, detail: String },
    CrossesWindowEnd { at: String, closes_at: String, left: u64, detail: String },
}

impl<'a> PreviewView<'a> {
    pub(crate) fn of(preview: &'a Preview) -> Self {
        let Preview { schedule, channel, forecast, .. } = preview;
        let zone = schedule.zone().unwrap_or(TimeZone::UTC);
        let window = match preview.hours {
            Hours::Exempt | Hours::Never => None,
            Hours::Within(window) => Some(WindowView { window, timezone: &channel.timezone }),
        };
        let times = forecast.times.iter().map(|time| TimeView {
            at: local_time(time.at, &zone),
            decision: match time.decision {
                Decision::Send => DecisionView::Send,
                Decision::Defer(until) => DecisionView::Wait { until: local_time(until, &zone) },
                Decision::Drop(reason) => DecisionView::Drop { reason },
            },
        });
        let warnings = forecast.warnings.iter().map(|warning| WarningView::of(*warning, &zone));
        Self {
            schedule: &schedule.name,
            expression: schedule.expression.as_str(),
            timezone: &schedule.timezone,
            enabled: schedule.enabled,
            window,
            times: times.collect(),
            audience: AudienceView {
                name: &schedule.audience,
                size: preview.size,
                size_is_estimate: preview.is_size_estimated,
                bytes: preview.file_bytes,
            },
            limit_per_second: channel.limit.per_second,
            drain_seconds: forecast.sending_time.map(|time| millis(time) as f64 / 1000.0),
            warnings: warnings.collect(),
        }
    }
}

impl WarningView {
    fn of(warning: Warning, zone: &TimeZone) -> Self {
        match warning {
            Warning::Disabled => Self::Disabled,
            Warning::NoTime => Self::NoTime,
            Warning::AudienceEmpty => Self::AudienceEmpty,
            Warning::FileMissing => Self::FileMissing,
            Warning::Paused => Self::Paused,
            Warning::StrictLimit => Self::StrictLimit {
                detail: "the channel's limit is strict: messages wait for the provider's answers \
                         to earlier messages, so sending takes longer than drain_seconds",
            },
            Warning::OutsideWindow { at, until } => {
                let (at, until) = (local_time(at, zone), until.map(|at| local_time(at, zone)));
                let detail = match &until {
                    Some(until) => {
                        format!("the sending window is closed at {at}, and opens at {until}")
                    }
                    None => "the sending windows have no minute in common".to_owned(),
                };
                Self::OutsideWindow { at, until, detail }
            }
            Warning::CrossesWindowEnd { at, closes_at, left } => {
                let (at, closes_at) = (local_time(at, zone), local_time(closes_at, zone));
                let detail = format!(
                    "the sending window closes at {closes_at} before the whole run of {at} is \
                     sent: {left} messages wait for the next opening"
                );
                Self::CrossesWindowEnd { at, closes_at, left, detail }
            }
        }
    }
}
