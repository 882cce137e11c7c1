//! The routes of notifications for operators, who see those of every producer.

use alimi::domain::NotificationId;
use alimi::http::Problem;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};

use crate::function::ConsoleFunction;
use crate::query::Parameters;
use crate::view::InspectedView;

pub(crate) async fn read(
    State(console): State<ConsoleFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let id = read_id(id).ok_or_else(no_such_notification)?;
    let found = console.inspect.inspect(&id).await?.ok_or_else(no_such_notification)?;
    Ok(Json(InspectedView::of(&found)).into_response())
}

/// `None` for a text that cannot be an id: no notification has it.
fn read_id(id: Result<Path<String>, PathRejection>) -> Option<NotificationId> {
    id.ok()?.parse().ok()
}

fn no_such_notification() -> Problem {
    Problem::not_found("id", "there is no notification with this id")
}
