//! What operators and policies have decided about a notification.

use alimi::domain::{Decision, Reason, Status};
use jiff::Timestamp;
use serde::Serialize;

use super::document::time;

#[derive(Serialize)]
pub(super) struct DecisionView<'a> {
    decision: &'static str,
    by: &'a str,
    reason: &'a str,
    at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    before: BeforeView<'a>,
}

/// What the decision overruled.
#[derive(Serialize)]
struct BeforeView<'a> {
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
}

impl<'a> DecisionView<'a> {
    pub(super) fn of(decision: &'a Decision) -> Self {
        Self {
            decision: decision.kind.as_str(),
            by: &decision.by,
            reason: &decision.reason,
            at: time(decision.at_ms),
            job: decision.job.as_deref(),
            before: BeforeView {
                status: decision.status,
                reason: decision.status_reason.as_ref().map(Reason::name),
                code: decision.status_reason.as_ref().and_then(Reason::code),
            },
        }
    }
}
