//! The routes of sequences for operators, who see and cancel those of every producer.

use alimi::domain::SequenceId;
use alimi::http::{AuditSubject, Problem, expect_bare};
use alimi::use_cases::StoredSequence;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::function::ConsoleFunction;
use crate::overruling::expect_reason;
use crate::view::OwnedSequenceView;

type Id = Result<Path<String>, PathRejection>;

pub(crate) async fn read(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    expect_bare(request).await?;
    let id = read_id(id)?;
    let found = console.overrule.sequence(&id).await?.ok_or_else(no_such_sequence)?;
    Ok(shown(&console, &found).await)
}

pub(crate) async fn cancel(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    expect_reason(request).await?;
    let id = read_id(id)?;
    let cancelled = console.overrule.cancel_sequence(&id, &caller).await?;
    let cancelled = cancelled.ok_or_else(no_such_sequence)?;
    Ok(shown(&console, &cancelled).await)
}

async fn shown(console: &ConsoleFunction, stored: &StoredSequence) -> Response {
    let descriptions = console.describe.all(&stored.notifications).await;
    let view = OwnedSequenceView::of(stored, &descriptions);
    (of_owner(stored), Json(view)).into_response()
}

/// Whose data an answer has, for the audit record. All notifications of a sequence go to one
/// recipient.
fn of_owner(stored: &StoredSequence) -> Extension<AuditSubject> {
    let mut subject = vec![("owner", stored.sequence.owner.clone())];
    let first = stored.notifications.first();
    subject.extend(first.map(|first| ("recipient", first.recipient.id.clone())));
    Extension(AuditSubject(subject))
}

/// A text that cannot be an id is the id of no sequence.
fn read_id(id: Id) -> Result<SequenceId, Problem> {
    id.ok().and_then(|id| id.parse().ok()).ok_or_else(no_such_sequence)
}

fn no_such_sequence() -> Problem {
    let detail =
        "there is no sequence with this id; must be an id that POST /v1/sequences answered";
    Problem::not_found("id", detail)
}
