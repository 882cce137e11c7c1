//! The routes of a schedule: what it will do, what a run would do, and what runs have done.

use alimi::http::{Page, Parameters, Problem, expect_bare, expect_no_body};
use alimi::ports::Kind;
use alimi::use_cases::{NotPreviewed, NotRun};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use crate::documents::find;
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, no_such_document};
use crate::view::{DryRunView, PreviewView, RunView};

pub(crate) async fn preview(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    expect_bare(request).await?;
    let name = known_name(Kind::Schedule, name)?;
    match console.preview_schedule.preview(&name).await {
        Ok(preview) => Ok(Json(PreviewView::of(&preview)).into_response()),
        Err(NotPreviewed::Missing) => Err(no_such_document(Kind::Schedule, &name)),
        Err(NotPreviewed::Invalid(error)) => Err(Problem::invalid(error)),
        Err(NotPreviewed::Port(error)) => Err(Problem::unavailable(&error)),
    }
}

pub(crate) async fn dry_run(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let parameters = Parameters::of(&request, &["after"])?;
    expect_no_body(request).await?;
    let after = parameters.text("after").filter(|after| !after.is_empty()).map(str::to_owned);
    let name = known_name(Kind::Schedule, name)?;
    match console.dry_run.dry_run(&name, after).await {
        Ok(report) => Ok(Json(DryRunView::of(&report)).into_response()),
        Err(NotRun::Missing) => Err(no_such_document(Kind::Schedule, &name)),
        Err(NotRun::Invalid(error)) => Err(Problem::invalid(error)),
        Err(NotRun::Port(error)) => Err(Problem::unavailable(&error)),
    }
}

pub(crate) async fn runs(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let limit = Parameters::of(&request, &["limit"])?.limit()?;
    expect_no_body(request).await?;
    // The runs of a deleted schedule are kept.
    let name = known_name(Kind::Schedule, name)?;
    let runs = console.list_runs.list(&name, limit).await?;
    if runs.is_empty() {
        find(&console, Kind::Schedule, &name).await?;
    }
    let items = runs.iter().map(RunView::of).collect();
    Ok(Json(Page { items, next: None }).into_response())
}
