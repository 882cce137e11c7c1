//! The routes of notifications for operators, who see those of every producer.

use alimi::domain::Notification;
use alimi::domain::NotificationId;
use alimi::http::{AuditSubject, Problem, expect_bare};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::function::ConsoleFunction;
use crate::view::{RecordView, TextView, WhyView};

type Id = Result<Path<String>, PathRejection>;

pub(crate) async fn read(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    expect_bare(request).await?;
    let id = read_id(id)?;
    let found = console.describe.notifications.load(&id).await?;
    let notification = found.ok_or_else(no_such_notification)?;
    let description = console.describe.one(&notification).await;
    let view = RecordView::of(&notification, &description);
    Ok((of_recipient(&notification), Json(view)).into_response())
}

/// The text is what a person was told. The audit records have who read it.
pub(crate) async fn text(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    expect_bare(request).await?;
    let id = read_id(id)?;
    let found = console.inspect.inspect(&id).await?.ok_or_else(no_such_notification)?;
    Ok((of_recipient(&found.notification), Json(TextView::of(&found))).into_response())
}

pub(crate) async fn why(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    expect_bare(request).await?;
    let id = read_id(id)?;
    let found = console.why.why(&id).await?.ok_or_else(no_such_notification)?;
    Ok(Json(WhyView::of(&found)).into_response())
}

/// Whose data an answer has, for the audit record.
fn of_recipient(notification: &Notification) -> Extension<AuditSubject> {
    Extension(AuditSubject(vec![
        ("owner", notification.owner.clone()),
        ("recipient", notification.recipient.id.clone()),
    ]))
}

/// A text that cannot be an id is the id of no notification.
fn read_id(id: Id) -> Result<NotificationId, Problem> {
    id.ok().and_then(|id| id.parse().ok()).ok_or_else(no_such_notification)
}

fn no_such_notification() -> Problem {
    let detail = "there is no notification with this id; must be an id of 30 lower-case hexadecimal \
                  digits, of a notification whose retention is not over";
    Problem::not_found("id", detail)
}
