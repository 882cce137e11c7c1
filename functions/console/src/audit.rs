//! The audit records: which requests leave one, and the route that lists them.

use alimi::domain::FieldError;
use alimi::http::{Page, Parameters, Problem, Recorder, expect_no_body};
use alimi::ports::Kind;
use alimi::use_cases::Requirement;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use strum::VariantArray as _;

use crate::function::ConsoleFunction;
use crate::names::segment;
use crate::view::AuditRecordView;

/// Records everything that operators do, but for reads of the catalog, which has no personal data.
pub(crate) fn recorder(console: &ConsoleFunction) -> Recorder {
    Recorder {
        trail: console.audit.clone(),
        requirement: Requirement::Required,
        identify: console.callers,
        is_exempt: only_reads_the_catalog,
        has_reason,
        randomness: console.configure_catalog.randomness.clone(),
    }
}

/// Operators say why under `/v1/ops`, and when they begin or cancel a run.
fn has_reason(route: &str) -> bool {
    route.starts_with("/v1/ops/")
        || matches!(route, "/v1/schedules/{name}/run" | "/v1/runs/{id}/cancel")
}

fn only_reads_the_catalog(method: &Method, route: &str) -> bool {
    let kind = route.split('/').nth(2).unwrap_or_default();
    matches!(*method, Method::GET | Method::HEAD)
        && Kind::VARIANTS.iter().any(|known| segment(*known) == kind)
}

pub(crate) async fn list(
    State(console): State<ConsoleFunction>,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let parameters = Parameters::of(&request, &["day", "cursor", "limit"])?;
    expect_no_body(request).await?;
    let limit = parameters.limit()?;
    let must = "must be a day such as 2026-03-02";
    let day = parameters.parsed("day", must)?.unwrap_or_else(|| console.audit.today());
    let cursor = parameters.text("cursor");
    if cursor.is_some_and(|cursor| !is_place(cursor)) {
        let must = "must be the value of `next` in the previous page";
        return Err(Problem::malformed(FieldError::new("cursor", must)));
    }
    let records = console.audit.records(day, cursor, limit).await?;
    let next = if records.len() == limit { records.last() } else { None };
    let next = next.map(alimi::domain::AuditRecord::place);
    let items = records.iter().map(AuditRecordView::of).collect();
    Ok(Json(Page { items, next }).into_response())
}

/// Whether a text can be a record's place in its day.
fn is_place(text: &str) -> bool {
    text.split_once('#').is_some_and(|(at_ms, _)| {
        at_ms.len() == 13 && at_ms.bytes().all(|byte| byte.is_ascii_digit())
    })
}
