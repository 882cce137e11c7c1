//! Stores notifications and sequences for producers over HTTP. Producers can also read and cancel
//! them.

mod creation;
mod function;
mod request;
mod view;

use std::str::FromStr;

use alimi::domain::{
    Event, FieldError, Notification, NotificationId, Producer, Refused, Scope, SequenceId,
};
use alimi::http::{Body, NotificationView, Problem, SequenceView, add_rate_limit_headers};
use alimi::use_cases::{Applied, NotEnqueued, ProducerRequest};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

pub use self::creation::BODY_BYTES_MAX;
use self::creation::Creation;
pub use self::function::EnqueueFunction;
use self::request::{BULK_MAX, NotificationRequest, SequenceRequest};
use self::view::{BulkItem, BulkView};

pub fn router(function: EnqueueFunction) -> Router {
    Router::new()
        .route("/v1/notifications", post(create_notifications))
        .route("/v1/notifications/{id}", get(read_notification))
        .route("/v1/notifications/{id}/cancel", post(cancel_notification))
        .route("/v1/sequences", post(create_sequence))
        .route("/v1/sequences/{id}", get(read_sequence))
        .route("/v1/sequences/{id}/cancel", post(cancel_sequence))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .fallback(|| async {
            Problem::not_found("path", "there is no such route; docs/api.md lists all routes")
        })
        .with_state(function)
}

/// 202 for something new, 200 for a repeated request.
fn creation_status(is_new: bool) -> StatusCode {
    if is_new { StatusCode::ACCEPTED } else { StatusCode::OK }
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
    Ok((creation_status(enqueued.is_new), Json(NotificationView::of(&enqueued.notification)))
        .into_response())
}

/// Answers each item by itself, in order.
async fn create_many(
    function: &EnqueueFunction,
    request: ProducerRequest<'_>,
    items: &[serde_json::Value],
) -> Result<Response, Problem> {
    if !(1..=BULK_MAX).contains(&items.len()) {
        let detail = format!("has {} notifications; must have 1 to {BULK_MAX}", items.len());
        return Err(Problem::invalid(FieldError::new("body", detail)));
    }
    let drafts = items
        .iter()
        .map(|item| Body(item.clone()).deserialize::<NotificationRequest>()?.draft())
        .collect();
    let results = function.enqueue.bulk(request, drafts).await?;

    let any_new = results.iter().flatten().any(|enqueued| enqueued.is_new);
    let any_enqueued = results.iter().any(Result::is_ok);
    let is_unavailable = |result: &Result<_, _>| {
        matches!(result, Err(NotEnqueued::Port(_) | NotEnqueued::Busy { .. }))
    };
    let any_unavailable = results.iter().any(is_unavailable);
    // If the quota does not allow the items, and none is stored already, the request as a whole is
    // refused before this.
    let status = match (any_enqueued, any_unavailable) {
        // Repeating the request with the same key completes it.
        (false, true) => StatusCode::SERVICE_UNAVAILABLE,
        (false, false) => StatusCode::UNPROCESSABLE_ENTITY,
        (true, _) => creation_status(any_new),
    };
    let items = results.into_iter().enumerate().map(|(index, result)| BulkItem::of(index, result));
    Ok((status, Json(BulkView { items: items.collect() })).into_response())
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
    Ok((creation_status(enqueued.is_new), Json(SequenceView::of(&enqueued.stored))).into_response())
}

async fn read_notification(
    State(function): State<EnqueueFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let producer = function.producer(request.extensions(), Scope::Read).await?;
    let notification = own_notification(&function, id, &producer).await?;
    Ok(Json(NotificationView::of(&notification)).into_response())
}

async fn cancel_notification(
    State(function): State<EnqueueFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let producer = function.producer(request.extensions(), Scope::Write).await?;
    let notification = own_notification(&function, id, &producer).await?;
    let event = Event::CancelRequested { at_ms: function.clock.now_ms() };
    let notification = match function.apply.apply_to(notification, &event).await? {
        Applied::Moved(notification) | Applied::Refused(notification, Refused::Settled) => {
            notification
        }
        Applied::Refused(
            notification,
            Refused::TooLate | Refused::NotYet | Refused::NoSuchAttempt,
        ) => {
            return Err(Problem::too_late_to_cancel(notification.status));
        }
        Applied::Missing => return Err(no_such_notification()),
    };
    Ok(Json(NotificationView::of(&notification)).into_response())
}

async fn read_sequence(
    State(function): State<EnqueueFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let producer = function.producer(request.extensions(), Scope::Read).await?;
    let id: SequenceId = read_id(id).ok_or_else(no_such_sequence)?;
    let found = function.enqueue.find_sequence(&id, &producer.name).await?;
    let stored = found.ok_or_else(no_such_sequence)?;
    Ok(Json(SequenceView::of(&stored)).into_response())
}

async fn cancel_sequence(
    State(function): State<EnqueueFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let producer = function.producer(request.extensions(), Scope::Write).await?;
    let id: SequenceId = read_id(id).ok_or_else(no_such_sequence)?;
    let EnqueueFunction { enqueue, apply, .. } = &function;
    let found = enqueue.cancel_sequence(apply, &id, &producer.name).await?;
    let stored = found.ok_or_else(no_such_sequence)?;
    Ok(Json(SequenceView::of(&stored)).into_response())
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
    Problem::not_found("id", "there is no notification with this id")
}

fn no_such_sequence() -> Problem {
    Problem::not_found("id", "there is no sequence with this id")
}
