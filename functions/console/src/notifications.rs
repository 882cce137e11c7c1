//! The routes of notifications for operators, who see and cancel those of every producer.

use alimi::domain::{NotificationId, Refused};
use alimi::http::Problem;
use alimi::use_cases::Applied;
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

pub(crate) async fn cancel(
    State(console): State<ConsoleFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let id = read_id(id).ok_or_else(no_such_notification)?;
    match console.overrule.cancel(&id, &caller).await? {
        Applied::Moved(_) | Applied::Refused(_, Refused::Settled) => {}
        Applied::Refused(
            notification,
            Refused::TooLate | Refused::NotYet | Refused::NoSuchAttempt,
        ) => {
            return Err(Problem::too_late_to_cancel(notification.status));
        }
        Applied::Missing => return Err(no_such_notification()),
    }
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
