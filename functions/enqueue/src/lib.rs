//! Stores notifications and sequences for producers over HTTP. Producers can also read and cancel
//! them.

mod answer;
mod audit;
mod bulk;
mod creation;
mod function;
mod list;
mod request;
mod view;

use std::str::FromStr;

use alimi::domain::{Event, Notification, NotificationId, Producer, Refused, Scope, SequenceId};
use alimi::http::{
    AuditSubject, ERRORS_PATH, NotificationView, Problem, Refusals, SequenceView, ShownTo,
    add_rate_limit_headers, expect_bare, method_not_allowed, no_such_route, recorded,
    with_request_ids,
};
use alimi::use_cases::{Applied, StoredSequence};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};

use self::answer::created;
use self::bulk::create_many;
pub use self::creation::BODY_BYTES_MAX;
use self::creation::Creation;
pub use self::function::EnqueueFunction;
use self::list::list_notifications;
use self::request::{NotificationRequest, SequenceRequest};

/// What the problems' types refer to.
const ERRORS: &str = include_str!("../../../docs/errors.md");

pub fn router(function: EnqueueFunction) -> Router {
    let routes = Router::new()
        .route("/v1/notifications", get(list_notifications).post(create_notifications))
        .route("/v1/notifications/{id}", get(read_notification))
        .route("/v1/notifications/{id}/cancel", post(cancel_notification))
        .route("/v1/sequences", post(create_sequence))
        .route("/v1/sequences/{id}", get(read_sequence))
        .route("/v1/sequences/{id}/cancel", post(cancel_sequence))
        .route(ERRORS_PATH, get(read_errors))
        .route_layer(from_fn_with_state(audit::recorder(&function), recorded))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_route)
        .with_state(function);
    with_request_ids(routes, Refusals::Logged)
}

/// The document that the `type` of each problem refers to.
async fn read_errors(request: Request) -> Result<Response, Problem> {
    expect_bare(request).await?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], ERRORS).into_response())
}

async fn create_notifications(
    State(function): State<EnqueueFunction>,
    request: Request,
) -> Result<Response, Problem> {
    let creation = Creation::read(&function, request).await?;
    let answer = store_notifications(&function, &creation).await;
    Ok(with_limits(&function, &creation.producer, answer).await)
}

async fn create_sequence(
    State(function): State<EnqueueFunction>,
    request: Request,
) -> Result<Response, Problem> {
    let creation = Creation::read(&function, request).await?;
    let answer = store_sequence(&function, &creation).await;
    Ok(with_limits(&function, &creation.producer, answer).await)
}

/// Tells a producer in the headers of an answer how much it may still ask for.
async fn with_limits(
    function: &EnqueueFunction,
    producer: &Producer,
    answer: Result<Response, Problem>,
) -> Response {
    let mut answer = answer.into_response();
    let standings = function.enqueue.allowances.standings(producer).await;
    add_rate_limit_headers(answer.headers_mut(), &standings);
    answer
}

async fn store_notifications(
    function: &EnqueueFunction,
    creation: &Creation,
) -> Result<Response, Problem> {
    function.enqueue.allowances.take_turn(&creation.producer).await?;
    let request = creation.request("POST /v1/notifications");
    if let serde_json::Value::Array(items) = &creation.body.0 {
        return create_many(function, request, items).await;
    }
    let wanted: NotificationRequest =
        creation.body.clone().deserialize().map_err(Problem::invalid)?;
    let draft = wanted.draft().map_err(Problem::invalid)?;
    let enqueued = function.enqueue.one(request, draft).await?;
    let location = format!("/v1/notifications/{}", enqueued.notification.id);
    Ok(created(enqueued.is_new, location, NotificationView::of(&enqueued.notification)))
}

async fn store_sequence(
    function: &EnqueueFunction,
    creation: &Creation,
) -> Result<Response, Problem> {
    function.enqueue.allowances.take_turn(&creation.producer).await?;
    let wanted: SequenceRequest = creation.body.clone().deserialize().map_err(Problem::invalid)?;
    let draft = wanted.draft().map_err(Problem::invalid)?;
    let request = creation.request("POST /v1/sequences");
    let enqueued = function.enqueue.sequence(request, draft).await?;
    let location = format!("/v1/sequences/{}", enqueued.stored.sequence.id);
    Ok(created(enqueued.is_new, location, SequenceView::of(&enqueued.stored)))
}

async fn read_notification(
    State(function): State<EnqueueFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let producer = function.producer(request.extensions(), Scope::Read).await?;
    expect_bare(request).await?;
    let notification = own_notification(&function, id, &producer).await?;
    let description = function.describe.one(&notification).await;
    let view = NotificationView::described(&notification, &description, ShownTo::Producer);
    Ok((of_recipient(&notification), Json(view)).into_response())
}

async fn cancel_notification(
    State(function): State<EnqueueFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let producer = function.producer(request.extensions(), Scope::Write).await?;
    expect_bare(request).await?;
    let notification = own_notification(&function, id, &producer).await?;
    let event = Event::CancelRequested { at_ms: function.clock.now_ms() };
    let notification = match function.apply.apply_to(notification, &event).await? {
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
    Ok((of_recipient(&notification), Json(NotificationView::of(&notification))).into_response())
}

async fn read_sequence(
    State(function): State<EnqueueFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let producer = function.producer(request.extensions(), Scope::Read).await?;
    expect_bare(request).await?;
    let id: SequenceId = read_id(id).ok_or_else(no_such_sequence)?;
    let found = function.enqueue.find_sequence(&id, &producer.name).await?;
    let stored = found.ok_or_else(no_such_sequence)?;
    let descriptions = function.describe.all(&stored.notifications).await;
    let view = SequenceView::described(&stored, &descriptions, ShownTo::Producer);
    Ok((of_sequence(&stored), Json(view)).into_response())
}

async fn cancel_sequence(
    State(function): State<EnqueueFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let producer = function.producer(request.extensions(), Scope::Write).await?;
    expect_bare(request).await?;
    let id: SequenceId = read_id(id).ok_or_else(no_such_sequence)?;
    let EnqueueFunction { enqueue, apply, .. } = &function;
    let found = enqueue.cancel_sequence(apply, &id, &producer.name).await?;
    let stored = found.ok_or_else(no_such_sequence)?;
    Ok((of_sequence(&stored), Json(SequenceView::of(&stored))).into_response())
}

/// Whose data an answer has, for the audit record.
fn of_recipient(notification: &Notification) -> Extension<AuditSubject> {
    Extension(AuditSubject(vec![("recipient", notification.recipient.id.clone())]))
}

/// All notifications of a sequence go to one recipient.
fn of_sequence(stored: &StoredSequence) -> Option<Extension<AuditSubject>> {
    stored.notifications.first().map(of_recipient)
}

/// Another producer's notification counts as absent.
async fn own_notification(
    function: &EnqueueFunction,
    id: Result<Path<String>, PathRejection>,
    producer: &Producer,
) -> Result<Notification, Problem> {
    let id: NotificationId = read_id(id).ok_or_else(no_such_notification)?;
    let found = function.notifications.load(&id).await?;
    found.filter(|found| found.owner == producer.name).ok_or_else(no_such_notification)
}

/// `None` for a text that cannot be an id: no notification and no sequence has it.
fn read_id<T: FromStr>(id: Result<Path<String>, PathRejection>) -> Option<T> {
    id.ok()?.parse().ok()
}

fn no_such_notification() -> Problem {
    let detail = "there is no notification of your service with this id; must be an id that \
                  POST /v1/notifications or POST /v1/sequences answered, of a notification whose \
                  retention is not over";
    Problem::not_found("id", detail)
}

fn no_such_sequence() -> Problem {
    let detail = "there is no sequence of your service with this id; must be an id that \
                  POST /v1/sequences answered";
    Problem::not_found("id", detail)
}
