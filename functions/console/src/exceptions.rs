//! The route that lists what needs a person.

use alimi::domain::name::{MUST_BE_A_NAME, is_name};
use alimi::domain::{ExceptionFilter, FieldError};
use alimi::http::{CursorScope, Page, Parameters, Problem, expect_no_body};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::function::ConsoleFunction;
use crate::view::RecordView;

/// The parameters that decide what is in the list.
const FILTER: [&str; 6] = ["exception", "status", "reason", "template", "since", "until"];

pub(crate) async fn list(
    State(console): State<ConsoleFunction>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    let known: Vec<&str> = FILTER.into_iter().chain(["cursor", "limit"]).collect();
    let parameters = Parameters::of(&request, &known)?;
    expect_no_body(request).await?;
    let filter = filter(&parameters)?;
    let limit = parameters.limit()?;
    let values = FILTER.map(|name| parameters.text(name).unwrap_or_default());
    let scope: Vec<&str> =
        ["GET /v1/ops/notifications", &caller].into_iter().chain(values).collect();
    let scope = CursorScope(&scope);
    let after = parameters.text("cursor").map(|cursor| scope.open(cursor)).transpose()?;
    let listed = console.list_exceptions.page(&filter, after.as_deref(), limit).await?;
    let descriptions = console.describe.all(&listed.notifications).await;
    let items: Vec<RecordView<'_>> = listed
        .notifications
        .iter()
        .filter_map(|found| Some(RecordView::of(found, descriptions.get(&found.id)?)))
        .collect();
    let next = listed.next.map(|place| scope.seal(&place));
    Ok(Json(Page { items, next }).into_response())
}

fn filter(parameters: &Parameters) -> Result<ExceptionFilter, Problem> {
    let channel = name(parameters, "exception")?.ok_or_else(|| {
        let must = "is missing; must be the name of a channel";
        Problem::malformed(FieldError::new("exception", must))
    })?;
    let status = parameters.text("status").map(ExceptionFilter::status_named).transpose();
    let reason = parameters.text("reason").map(ExceptionFilter::reason_named).transpose();
    Ok(ExceptionFilter {
        channel,
        status: status.map_err(Problem::malformed)?,
        reason: reason.map_err(Problem::malformed)?,
        template: name(parameters, "template")?,
        since_ms: time_ms(parameters, "since")?,
        until_ms: time_ms(parameters, "until")?,
    })
}

fn name(parameters: &Parameters, parameter: &str) -> Result<Option<String>, Problem> {
    match parameters.text(parameter) {
        Some(name) if !is_name(name) => {
            Err(Problem::malformed(FieldError::new(parameter, MUST_BE_A_NAME)))
        }
        name => Ok(name.map(str::to_owned)),
    }
}

fn time_ms(parameters: &Parameters, parameter: &str) -> Result<Option<i64>, Problem> {
    let must = "must be a time with an offset, such as 2026-03-02T10:00:00+09:00; in an address + is \
                %2B";
    let at: Option<Timestamp> = parameters.parsed(parameter, must)?;
    Ok(at.map(Timestamp::as_millisecond))
}
