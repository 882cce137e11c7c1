//! The routes by which operators decide about many exceptions at once: count them, begin, look, stop.

use std::time::Duration;

use alimi::domain::bulk_job::{BulkAct, BulkStatus, BulkWish, ExceptionCounts};
use alimi::domain::name::{MUST_BE_A_NAME, is_name};
use alimi::domain::{ExceptionFilter, FieldError, Settlement, StatedReason, written};
use alimi::http::{
    Body, OpenRecord, Page, Parameters, Problem, ProblemKind, expect_bare, expect_no_body,
    read_json,
};
use alimi::use_cases::{Begun, NotBegun};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use crate::function::ConsoleFunction;
use crate::view::{BulkCountView, BulkJobView};

/// The largest body: larger than any filter and any reason.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// How long a request works on a job before the sweeper goes on with it. HTTP callers wait for no longer
/// than 30 s.
const WORKING_MAX: Duration = Duration::from_secs(10);

type Id = Result<Path<String>, PathRejection>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterRequest {
    channel: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    template: Option<String>,
    #[serde(default, deserialize_with = "written::optional_time")]
    since: Option<Timestamp>,
    #[serde(default, deserialize_with = "written::optional_time")]
    until: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BulkResendRequest {
    filter: FilterRequest,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    expected: Option<u64>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    may_double: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BulkSettleRequest {
    filter: FilterRequest,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    expected: Option<u64>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(rename = "as", default)]
    settlement: Option<Settlement>,
}

/// What both requests have.
struct Asked {
    filter: FilterRequest,
    dry_run: bool,
    expected: Option<u64>,
    reason: Option<String>,
    act: Result<BulkAct, FieldError>,
}

pub(crate) async fn resend(
    State(console): State<ConsoleFunction>,
    request: Request,
) -> Result<Response, Problem> {
    let read = |body: Body| {
        let BulkResendRequest { filter, dry_run, expected, reason, may_double } =
            body.deserialize().map_err(Problem::invalid)?;
        let act = Ok(BulkAct::Resend { may_double });
        Ok(Asked { filter, dry_run, expected, reason, act })
    };
    decide(&console, request, read).await
}

pub(crate) async fn settle(
    State(console): State<ConsoleFunction>,
    request: Request,
) -> Result<Response, Problem> {
    let read = |body: Body| {
        let BulkSettleRequest { filter, dry_run, expected, reason, settlement } =
            body.deserialize().map_err(Problem::invalid)?;
        let missing = || FieldError::new("as", "is missing; must be delivered or given_up");
        let act = settlement.map(BulkAct::Settle).ok_or_else(missing);
        Ok(Asked { filter, dry_run, expected, reason, act })
    };
    decide(&console, request, read).await
}

async fn decide(
    console: &ConsoleFunction,
    request: Request,
    read: impl FnOnce(Body) -> Result<Asked, Problem>,
) -> Result<Response, Problem> {
    let by = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let record = OpenRecord::of(&request);
    let asked = read(read_json(request, BODY_BYTES_MAX).await?)?;
    let filter = checked(asked.filter).map_err(Problem::invalid)?;
    if asked.dry_run {
        let unwanted = [("expected", asked.expected.is_some()), ("reason", asked.reason.is_some())];
        if let Some((field, _)) = unwanted.into_iter().find(|(_, is_given)| *is_given) {
            let must = "must be left out of a dry run";
            return Err(Problem::invalid(FieldError::new(field, must)));
        }
        let (filter, counts) = console.decide_bulk.count(filter).await?;
        return Ok(Json(BulkCountView::of(&filter, &counts)).into_response());
    }
    let wish = wish(filter, asked.act, asked.expected, asked.reason).map_err(Problem::invalid)?;
    if let Some(record) = record {
        let of = [
            ("channel", wish.filter.channel.clone()),
            ("expected", wish.expected.to_string()),
            ("job", wish.job_id()),
        ];
        record.complete(of).await?;
    }
    let (status, job) = match console.decide_bulk.begin(wish, by).await {
        Ok(Begun::New(job)) => (StatusCode::ACCEPTED, job),
        Ok(Begun::Known(job)) => (StatusCode::OK, job),
        Err(error) => return Err(not_begun(error)),
    };
    let job = console.decide_bulk.work_within(*job, Instant::now() + WORKING_MAX).await;
    let place = format!("/v1/ops/resend/{}", job.id);
    Ok((status, [(header::LOCATION, place)], Json(BulkJobView::of(&job))).into_response())
}

fn wish(
    filter: ExceptionFilter,
    act: Result<BulkAct, FieldError>,
    expected: Option<u64>,
    reason: Option<String>,
) -> Result<BulkWish, FieldError> {
    let missing = |field| {
        let detail = "is missing; count first with \"dry_run\": true, and then send the count as \
                      `expected`, with the answer's filter and a reason";
        FieldError::new(field, detail)
    };
    let act = act?;
    let expected = expected.ok_or_else(|| missing("expected"))?;
    let reason = StatedReason::new(reason.ok_or_else(|| missing("reason"))?)?.into_string();
    Ok(BulkWish { act, filter, expected, reason })
}

fn checked(filter: FilterRequest) -> Result<ExceptionFilter, FieldError> {
    let FilterRequest { channel, status, reason, template, since, until } = filter;
    let within = |error: FieldError| FieldError {
        field: format!("filter.{}", error.field),
        detail: error.detail,
    };
    if !is_name(&channel) {
        return Err(FieldError::new("filter.channel", MUST_BE_A_NAME));
    }
    if template.as_deref().is_some_and(|template| !is_name(template)) {
        return Err(FieldError::new("filter.template", MUST_BE_A_NAME));
    }
    let status =
        status.as_deref().map(ExceptionFilter::status_named).transpose().map_err(within)?;
    let reason =
        reason.as_deref().map(ExceptionFilter::reason_named).transpose().map_err(within)?;
    Ok(ExceptionFilter {
        channel,
        status,
        reason,
        template,
        since_ms: since.map(Timestamp::as_millisecond),
        until_ms: until.map(Timestamp::as_millisecond),
    })
}

pub(crate) async fn list(
    State(console): State<ConsoleFunction>,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let limit = Parameters::of(&request, &["limit"])?.limit()?;
    expect_no_body(request).await?;
    let jobs = console.decide_bulk.list(limit).await?;
    let items = jobs.iter().map(BulkJobView::of).collect();
    Ok(Json(Page { items, next: None }).into_response())
}

pub(crate) async fn read(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    expect_bare(request).await?;
    let id = read_id(id)?;
    let job = console.decide_bulk.jobs.job(&id).await?.ok_or_else(no_such_job)?;
    Ok(Json(BulkJobView::of(&job)).into_response())
}

pub(crate) async fn stop(
    State(console): State<ConsoleFunction>,
    id: Id,
    request: Request,
) -> Result<Response, Problem> {
    let by = console.caller(&request)?;
    expect_bare(request).await?;
    let id = read_id(id)?;
    let job = console.decide_bulk.stop(&id, &by).await?.ok_or_else(no_such_job)?;
    if job.status == BulkStatus::Finished {
        let detail = "has finished, so it cannot be stopped any more";
        return Err(Problem::conflict(detail));
    }
    Ok(Json(BulkJobView::of(&job)).into_response())
}

/// Whether a text can be a job's id: a time in Unix milliseconds and hexadecimal digits.
fn is_job_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(at_ms, digest)| {
        at_ms.len() == 13
            && at_ms.bytes().all(|byte| byte.is_ascii_digit())
            && digest.len() == 16
            && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn read_id(id: Id) -> Result<String, Problem> {
    id.ok().map(|id| id.0).filter(|id| is_job_id(id)).ok_or_else(no_such_job)
}

fn no_such_job() -> Problem {
    let detail = "there is no job with this id; GET /v1/ops/resend lists the latest ones";
    Problem::not_found("id", detail)
}

fn not_begun(error: NotBegun) -> Problem {
    match error {
        NotBegun::Invalid(error) => Problem::invalid(error),
        NotBegun::OtherCount(counts) => {
            let detail = format!(
                "does not fit: the filter takes {} now ({}); count again, and send that count",
                counts.total(),
                in_words(&counts)
            );
            Problem::new(ProblemKind::OtherCount, FieldError::new("expected", detail))
        }
        NotBegun::MayDouble(counts) => {
            let detail = format!(
                "must be true: {} of these messages may have reached their recipients, who may get \
                 them twice ({})",
                counts.doubtful(),
                in_words(&counts)
            );
            Problem::new(ProblemKind::Conflict, FieldError::new("may_double", detail))
        }
        NotBegun::Port(error) => Problem::unavailable(&error),
    }
}

fn in_words(counts: &ExceptionCounts) -> String {
    let by_status = counts.by_status.iter();
    let parts: Vec<String> =
        by_status.map(|(status, count)| format!("{count} {}", status.as_str())).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
