//! The routes of sequences for operators, who see and cancel those of every producer.

use alimi::domain::SequenceId;
use alimi::http::Problem;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};

use crate::function::ConsoleFunction;
use crate::query::Parameters;
use crate::view::OwnedSequenceView;

pub(crate) async fn read(
    State(console): State<ConsoleFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let id = read_id(id).ok_or_else(no_such_sequence)?;
    let found = console.overrule.sequence(&id).await?.ok_or_else(no_such_sequence)?;
    Ok(Json(OwnedSequenceView::of(&found)).into_response())
}

pub(crate) async fn cancel(
    State(console): State<ConsoleFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let id = read_id(id).ok_or_else(no_such_sequence)?;
    let cancelled = console.overrule.cancel_sequence(&id, &caller).await?;
    let cancelled = cancelled.ok_or_else(no_such_sequence)?;
    Ok(Json(OwnedSequenceView::of(&cancelled)).into_response())
}

/// `None` for a text that cannot be an id: no sequence has it.
fn read_id(id: Result<Path<String>, PathRejection>) -> Option<SequenceId> {
    id.ok()?.parse().ok()
}

fn no_such_sequence() -> Problem {
    Problem::not_found("id", "there is no sequence with this id")
}
