//! The route that lists a producer's own notifications.

use alimi::domain::{ListedBy, Scope, Status};
use alimi::http::{
    CursorScope, NotificationView, Page, Parameters, Problem, ShownTo, expect_no_body,
};
use alimi::use_cases::ListRequest;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use crate::function::EnqueueFunction;

pub(crate) async fn list_notifications(
    State(function): State<EnqueueFunction>,
    request: Request,
) -> Result<Response, Problem> {
    let producer = function.producer(request.extensions(), Scope::Read).await?;
    let [recipient, run, event, tag] = ListedBy::NAMES;
    let known = [recipient, run, event, tag, "status", "cursor", "limit"];
    let parameters = Parameters::of(&request, &known)?;
    expect_no_body(request).await?;
    let (name, value) = parameters.exactly_one(&ListedBy::NAMES)?;
    let by = ListedBy::read(name, value, &producer.name).map_err(Problem::malformed)?;
    let status = parameters.one_of("status", Status::ALL, Status::as_str)?;
    let limit = parameters.limit()?;
    let shown_status = status.map_or("", Status::as_str);
    let scope = ["GET /v1/notifications", &producer.name, name, value, shown_status];
    let scope = CursorScope(&scope);
    let after = parameters.text("cursor").map(|cursor| scope.open(cursor)).transpose()?;
    let wanted =
        ListRequest { by: &by, owner: &producer.name, status, after: after.as_deref(), limit };
    let listed = function.list.page(wanted).await?;
    let descriptions = function.describe.all(&listed.notifications).await;
    let views = listed.notifications.iter().map(|found| match descriptions.get(&found.id) {
        Some(described) => NotificationView::described(found, described, ShownTo::Producer),
        None => NotificationView::of(found),
    });
    let next = listed.next.map(|place| scope.seal(&place));
    Ok(Json(Page { items: views.collect::<Vec<_>>(), next }).into_response())
}
