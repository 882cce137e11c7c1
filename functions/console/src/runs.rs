//! The routes by which operators begin and cancel runs of schedules.

use std::time::Duration;

use alimi::domain::run::{ByHand, RunStatus};
use alimi::domain::{FieldError, Run, RunKey, StatedReason, written};
use alimi::http::{OpenRecord, Parameters, Problem, ProblemKind, read_json};
use alimi::ports::Kind;
use alimi::use_cases::{CancelAsked, ListedRun, NoRunNow, RunBegun};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, no_such_document};
use crate::view::RunView;

/// The largest body: larger than any reason.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// How long a request withdraws notifications before the sweeper goes on. HTTP callers wait for no longer
/// than 30 s.
const WORKING_MAX: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunRequest {
    #[serde(deserialize_with = "written::time")]
    at: Timestamp,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelRequest {
    reason: String,
}

pub(crate) async fn run(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let by = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let record = OpenRecord::of(&request);
    let body = read_json(request, BODY_BYTES_MAX).await?;
    let RunRequest { at, reason } = body.deserialize().map_err(Problem::invalid)?;
    let reason = StatedReason::new(reason).map_err(Problem::invalid)?.into_string();
    let name = known_name(Kind::Schedule, name)?;
    if let Some(record) = record {
        let run = RunKey::new(&name, at).to_string();
        record.complete([("run", run)]).await?;
    }
    match console.run_now.run(&name, at, ByHand { by, reason }).await {
        Ok(RunBegun::New(run)) => Ok(answer(StatusCode::ACCEPTED, *run)),
        Ok(RunBegun::Known(run)) => Ok(answer(StatusCode::OK, *run)),
        Err(error) => Err(no_run(error, &name)),
    }
}

pub(crate) async fn cancel(
    State(console): State<ConsoleFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let by = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let body = read_json(request, BODY_BYTES_MAX).await?;
    let CancelRequest { reason } = body.deserialize().map_err(Problem::invalid)?;
    let reason = StatedReason::new(reason).map_err(Problem::invalid)?;
    let key: RunKey = id.ok().and_then(|id| id.parse().ok()).ok_or_else(no_such_run)?;
    let run = match console.cancel_runs.ask(&key, &by, reason.as_str()).await? {
        CancelAsked::Begun(run) | CancelAsked::Repeated(run) => run,
        CancelAsked::TooLate(run) => {
            let detail = format!(
                "is {}: nothing of it waits to leave any more, so it cannot be cancelled",
                run.status.as_str()
            );
            return Err(Problem::conflict(detail));
        }
        CancelAsked::Missing => return Err(no_such_run()),
    };
    let run = console.cancel_runs.work_within(*run, Instant::now() + WORKING_MAX).await;
    let is_over = run.status == RunStatus::Cancelled;
    Ok(answer(if is_over { StatusCode::OK } else { StatusCode::ACCEPTED }, run))
}

fn answer(status: StatusCode, run: Run) -> Response {
    let listed = ListedRun { run, open: None };
    (status, Json(RunView::of(&listed))).into_response()
}

fn no_such_run() -> Problem {
    let detail = "there is no run with this id; must be a schedule's name, @ and the run's time, such \
                  as daily@2026-03-02T01:00:00Z; GET /v1/schedules/{name}/runs lists them";
    Problem::not_found("id", detail)
}

fn no_run(error: NoRunNow, schedule: &str) -> Problem {
    let conflict =
        |detail: String| Problem::new(ProblemKind::Conflict, FieldError::new("name", detail));
    match error {
        NoRunNow::Missing => no_such_document(Kind::Schedule, schedule),
        NoRunNow::Disabled => conflict("is disabled; enable the schedule first".to_owned()),
        NoRunNow::Invalid(error) => Problem::invalid(error),
        NoRunNow::InProgress(other) => conflict(format!(
            "has the run {other}, which stores its messages or was begun by hand less than 10 minutes \
             ago; wait, so that nobody gets the message twice"
        )),
        NoRunNow::Port(error) => Problem::unavailable(&error),
    }
}
