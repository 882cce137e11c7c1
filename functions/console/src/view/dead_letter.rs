//! A dead letter, without its contents.

use std::collections::BTreeMap;

use alimi::domain::DeadLetter;
use alimi::use_cases::{REDRIVEN_MAX, RedrivenEdge};
use jiff::Timestamp;
use serde::Serialize;

use super::document::time;

#[derive(Serialize)]
pub(crate) struct DeadLetterView<'a> {
    id: String,
    edge: &'static str,
    state: &'static str,
    cause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    about: &'a BTreeMap<String, String>,
    sent_at: Option<Timestamp>,
    recorded_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive: Option<RedriveView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired_by: Option<&'static str>,
}

#[derive(Serialize)]
struct RedriveView<'a> {
    by: &'a str,
    at: Option<Timestamp>,
    reason: &'a str,
}

impl<'a> DeadLetterView<'a> {
    pub(crate) fn of(letter: &'a DeadLetter) -> Self {
        let redrive = letter.redrive.as_ref();
        Self {
            id: letter.id.to_string(),
            edge: letter.id.edge.as_str(),
            state: letter.state.as_str(),
            cause: letter.cause.as_str(),
            tries: letter.tries,
            error: letter.error.as_deref(),
            about: &letter.about,
            sent_at: time(letter.id.sent_at_ms),
            recorded_at: time(letter.recorded_at_ms),
            redrive: redrive.map(|redrive| RedriveView {
                by: &redrive.by,
                at: time(redrive.at_ms),
                reason: &redrive.reason,
            }),
            repaired_by: letter.id.edge.repaired_by(),
        }
    }
}

/// What an order for all dead letters of an edge does, or did.
#[derive(Serialize)]
pub(crate) struct RedrivenEdgeView {
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_is_minimum: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redriven: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<usize>,
}

impl RedrivenEdgeView {
    pub(crate) fn counted(count: usize) -> Self {
        let count_is_minimum = Some(count == REDRIVEN_MAX);
        Self { dry_run: true, count: Some(count), count_is_minimum, redriven: None, left: None }
    }

    pub(crate) fn done(done: RedrivenEdge) -> Self {
        let (redriven, left) = (Some(done.redriven), Some(done.left));
        Self { dry_run: false, count: None, count_is_minimum: None, redriven, left }
    }
}
