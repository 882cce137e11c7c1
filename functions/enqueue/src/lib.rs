//! Takes notifications and sequences in over HTTP, and lets producers read and cancel them.

mod request;
mod view;

use std::str::FromStr;
use std::sync::Arc;

use alimi::delivery::{Accept, Applied, Apply, FieldError, NotAccepted};
use alimi::domain::{Event, NotificationId, Refused, RequestKey, SequenceId};
use alimi::http::{Body, Callers, Problem, canonical_digest};
use alimi::ports::{Clock, Notifications};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use self::request::{BULK_MAX, NotificationRequest, SequenceRequest};
use self::view::{BulkItem, BulkView, NotificationView, SequenceView};

/// The largest body: 500 notifications of 4 KiB each. Lambda itself takes 6 MB.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What the routes work with.
#[derive(Clone)]
pub struct Enqueue {
    /// Takes notifications in.
    pub accept: Accept,
    /// Cancels them.
    pub apply: Apply,
    /// Reads them.
    pub notifications: Arc<dyn Notifications>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Who asks.
    pub callers: Callers,
}

/// The routes.
pub fn router(enqueue: Enqueue) -> Router {
    Router::new()
        .route("/v1/notifications", post(create_notifications))
        .route("/v1/notifications/{id}", get(read_notification))
        .route("/v1/notifications/{id}/cancel", post(cancel_notification))
        .route("/v1/sequences", post(create_sequence))
        .route("/v1/sequences/{id}", get(read_sequence))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .fallback(|| async { Problem::not_found("path", "see the README for the routes") })
        .with_state(enqueue)
}

/// A request that creates something: who asks, under which key, for what.
struct Creation {
    caller: String,
    idempotency_key: String,
    body: Body,
}

impl Creation {
    async fn read(enqueue: &Enqueue, request: Request) -> Result<Self, Problem> {
        let caller = enqueue.caller(request.extensions())?;
        let idempotency_key = idempotency_key(request.headers())?;
        let bytes = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
            .await
            .map_err(|_| Problem::too_large(BODY_BYTES_MAX))?;
        let body = Body::read(&bytes).map_err(Problem::malformed)?;
        Ok(Self { caller, idempotency_key, body })
    }

    fn key<'a>(&'a self, route: &'a str) -> RequestKey<'a> {
        RequestKey { caller: &self.caller, route, idempotency_key: &self.idempotency_key }
    }
}

impl Enqueue {
    fn caller(&self, extensions: &http::Extensions) -> Result<String, Problem> {
        (self.callers)(extensions).ok_or_else(Problem::forbidden)
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    const FIELD: &str = "Idempotency-Key";
    const MUST: &str = "must be 1 to 255 visible ASCII characters that name this request, such as an order number: with it, asking again never sends twice";
    let key = headers
        .get(FIELD)
        .and_then(|key| key.to_str().ok())
        .map(str::trim)
        .filter(|key| (1..=255).contains(&key.len()))
        .ok_or_else(|| Problem::malformed(FieldError::new(FIELD, MUST)))?;
    Ok(key.to_owned())
}

/// 202 for what is new, 200 for a replay.
fn created(is_new: bool) -> StatusCode {
    if is_new { StatusCode::ACCEPTED } else { StatusCode::OK }
}

async fn create_notifications(
    State(enqueue): State<Enqueue>,
    request: Request,
) -> Result<Response, Problem> {
    let creation = Creation::read(&enqueue, request).await?;
    let digest = canonical_digest(&creation.body);
    let key = creation.key("POST /v1/notifications");
    if let serde_json::Value::Array(items) = &creation.body.0 {
        return create_many(&enqueue, key, &digest, items).await;
    }
    let wanted: NotificationRequest = creation.body.clone().take().map_err(Problem::invalid)?;
    let draft = wanted.draft().map_err(Problem::invalid)?;
    let accepted = enqueue.accept.one(key, &digest, draft).await?;
    Ok((created(accepted.is_new), Json(NotificationView::of(&accepted.notification)))
        .into_response())
}

/// Every item is answered for itself, in order.
async fn create_many(
    enqueue: &Enqueue,
    key: RequestKey<'_>,
    digest: &str,
    items: &[serde_json::Value],
) -> Result<Response, Problem> {
    if !(1..=BULK_MAX).contains(&items.len()) {
        let detail = format!("must hold 1 to {BULK_MAX} notifications, not {}", items.len());
        return Err(Problem::invalid(FieldError::new("body", detail)));
    }
    let drafts = items
        .iter()
        .map(|item| Body(item.clone()).take::<NotificationRequest>()?.draft())
        .collect();
    let results = enqueue.accept.bulk(key, digest, drafts).await?;

    let any_new = results.iter().flatten().any(|accepted| accepted.is_new);
    let any_accepted = results.iter().any(Result::is_ok);
    let any_unavailable = results.iter().any(|result| matches!(result, Err(NotAccepted::Port(_))));
    let status = match (any_accepted, any_unavailable) {
        // Asking again with the same key completes it.
        (false, true) => StatusCode::SERVICE_UNAVAILABLE,
        (false, false) => StatusCode::UNPROCESSABLE_ENTITY,
        (true, _) => created(any_new),
    };
    let items = results.into_iter().enumerate().map(|(index, result)| BulkItem::of(index, result));
    Ok((status, Json(BulkView { items: items.collect() })).into_response())
}

async fn create_sequence(
    State(enqueue): State<Enqueue>,
    request: Request,
) -> Result<Response, Problem> {
    let creation = Creation::read(&enqueue, request).await?;
    let digest = canonical_digest(&creation.body);
    let wanted: SequenceRequest = creation.body.clone().take().map_err(Problem::invalid)?;
    let draft = wanted.draft().map_err(Problem::invalid)?;
    let key = creation.key("POST /v1/sequences");
    let accepted = enqueue.accept.sequence(key, &digest, draft).await?;
    Ok((created(accepted.is_new), Json(SequenceView::of(&accepted.id, &accepted.steps)))
        .into_response())
}

async fn read_notification(
    State(enqueue): State<Enqueue>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    enqueue.caller(request.extensions())?;
    let id: NotificationId = read_id(id).ok_or_else(no_such_notification)?;
    let found = enqueue.notifications.load(&id).await?;
    let notification = found.ok_or_else(no_such_notification)?;
    Ok(Json(NotificationView::of(&notification)).into_response())
}

async fn read_sequence(
    State(enqueue): State<Enqueue>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    enqueue.caller(request.extensions())?;
    let unknown = || Problem::not_found("id", "there is no sequence with this id");
    let id: SequenceId = read_id(id).ok_or_else(unknown)?;
    let steps = enqueue.accept.find_sequence(&id).await?.ok_or_else(unknown)?;
    Ok(Json(SequenceView::of(&id, &steps)).into_response())
}

async fn cancel_notification(
    State(enqueue): State<Enqueue>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    enqueue.caller(request.extensions())?;
    let id: NotificationId = read_id(id).ok_or_else(no_such_notification)?;
    let event = Event::CancelRequested { at_ms: enqueue.clock.now_ms() };
    let notification = match enqueue.apply.apply(&id, &event).await? {
        Applied::Moved(notification) | Applied::Refused(notification, Refused::Settled) => {
            notification
        }
        Applied::Refused(
            notification,
            Refused::TooLate | Refused::NotYet | Refused::NoSuchAttempt,
        ) => {
            let status = notification.status.as_str();
            return Err(Problem::conflict(format!(
                "it is {status}: it has left or may have left, or is over"
            )));
        }
        Applied::Missing => return Err(no_such_notification()),
    };
    Ok(Json(NotificationView::of(&notification)).into_response())
}

/// What cannot be an id names nothing.
fn read_id<T: FromStr>(id: Result<Path<String>, PathRejection>) -> Option<T> {
    id.ok()?.parse().ok()
}

fn no_such_notification() -> Problem {
    Problem::not_found("id", "there is no notification with this id")
}
