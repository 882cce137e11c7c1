//! The routes of notifications for operators, who see and cancel those of every producer.

use alimi::domain::{Notification, NotificationId, Refused};
use alimi::http::{AuditSubject, Problem, expect_bare};
use alimi::use_cases::Applied;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::change::tagged;
use crate::function::ConsoleFunction;
use crate::overruling::expect_reason;
use crate::view::{RecordView, TextView, WhyView};

pub(crate) type Id = Result<Path<String>, PathRejection>;

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
    // A decision about the notification names the revision that it is about.
    Ok(tagged(notification.revision, (of_recipient(&notification), Json(view))))
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
    Ok((of_recipient(&found.notification), Json(WhyView::of(&found))).into_response())
}

pub(crate) async fn cancel(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    expect_reason(request).await?;
    let id = read_id(id)?;
    let notification = match console.overrule.cancel(&id, &caller).await? {
        Applied::Moved(notification) | Applied::Refused(notification, Refused::Settled) => {
            notification
        }
        Applied::Refused(
            notification,
            Refused::TooLate | Refused::NotYet | Refused::NoSuchAttempt | Refused::Undecided(_),
        ) => {
            return Err(Problem::too_late_to_cancel(notification.status));
        }
        Applied::Missing => return Err(no_such_notification()),
    };
    let description = console.describe.one(&notification).await;
    let view = RecordView::of(&notification, &description);
    Ok((of_recipient(&notification), Json(view)).into_response())
}

/// Whose data an answer has, for the audit record.
pub(crate) fn of_recipient(notification: &Notification) -> Extension<AuditSubject> {
    Extension(AuditSubject(vec![
        ("owner", notification.owner.clone()),
        ("recipient", notification.recipient.id.clone()),
    ]))
}

/// A text that cannot be an id is the id of no notification.
pub(crate) fn read_id(id: Id) -> Result<NotificationId, Problem> {
    id.ok().and_then(|id| id.parse().ok()).ok_or_else(no_such_notification)
}

pub(crate) fn no_such_notification() -> Problem {
    let detail = "there is no notification with this id; must be an id of 30 lower-case hexadecimal \
                  digits, of a notification whose retention is not over";
    Problem::not_found("id", detail)
}
