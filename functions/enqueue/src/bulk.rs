//! Requests for many notifications: each item is answered by itself, in order.

use alimi::domain::FieldError;
use alimi::http::{Body, Problem, ProblemKind};
use alimi::use_cases::{Enqueued, NotEnqueued, ProducerRequest};
use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::answer::creation_status;
use crate::function::EnqueueFunction;
use crate::request::{BULK_MAX, NotificationRequest};
use crate::view::{BulkItem, BulkView};

pub(crate) async fn create_many(
    function: &EnqueueFunction,
    request: ProducerRequest<'_>,
    items: &[Value],
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
    if results.iter().all(Result::is_err) {
        return Err(nothing_stored(results));
    }
    let any_new = results.iter().flatten().any(|enqueued| enqueued.is_new);
    let items = results.into_iter().enumerate().map(|(index, result)| BulkItem::of(index, result));
    Ok((creation_status(any_new), Json(BulkView { items: items.collect() })).into_response())
}

/// The problem of a request of which no item is stored, with the cause of each item.
fn nothing_stored(results: Vec<Result<Enqueued, NotEnqueued>>) -> Problem {
    let count = results.len();
    let causes: Vec<NotEnqueued> = results.into_iter().filter_map(Result::err).collect();
    let kind = kind_of_all(&causes);
    let wait_s = causes.iter().filter_map(|cause| match cause {
        NotEnqueued::Busy { retry_after_s } => Some(*retry_after_s),
        NotEnqueued::OverQuota(used_up) => Some(used_up.retry_after_s),
        NotEnqueued::Invalid(_) | NotEnqueued::KeyReused | NotEnqueued::Port(_) => None,
    });
    let wait_s = wait_s.min();
    let errors = causes.into_iter().enumerate();
    let errors =
        errors.flat_map(|(index, cause)| Problem::from(cause).of_item(index).into_errors());
    let detail = format!(
        "has {count} notifications, and none of them is stored; the list of errors has the cause \
         for each"
    );
    let problem = Problem::of_parts(kind, FieldError::new("body", detail), errors.collect());
    match wait_s {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    }
}

/// What a client has to do: if a retry may store an item, that comes first.
fn kind_of_all(causes: &[NotEnqueued]) -> ProblemKind {
    let kinds = causes.iter().map(|cause| match cause {
        NotEnqueued::Port(_) => ProblemKind::Unavailable,
        NotEnqueued::Busy { .. } => ProblemKind::Busy,
        NotEnqueued::OverQuota(_) => ProblemKind::OverQuota,
        NotEnqueued::Invalid(_) => ProblemKind::InvalidField,
        NotEnqueued::KeyReused => ProblemKind::KeyReused,
    });
    let kinds: Vec<ProblemKind> = kinds.collect();
    let in_order = [
        ProblemKind::Unavailable,
        ProblemKind::Busy,
        ProblemKind::OverQuota,
        ProblemKind::InvalidField,
    ];
    in_order.into_iter().find(|kind| kinds.contains(kind)).unwrap_or(ProblemKind::KeyReused)
}
