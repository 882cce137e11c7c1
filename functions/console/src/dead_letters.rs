//! The routes of dead letters: messages between functions that were given up.

use alimi::domain::dead_letter::NotRedrivable;
use alimi::domain::{DeadLetterState, Edge, FieldError};
use alimi::http::{AuditSubject, Parameters, Problem, ProblemKind, expect_no_body, read_json};
use alimi::use_cases::{DeadLetterFilter, NotRedriven, RedriveOrder};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use strum::VariantArray as _;

use crate::function::ConsoleFunction;
use crate::view::{DeadLetterView, Page, RedrivenEdgeView, time};

/// The largest body: larger than any reason.
const BODY_BYTES_MAX: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedriveRequest {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedriveEdgeRequest {
    edge: Edge,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    expected: Option<usize>,
    #[serde(default)]
    reason: Option<String>,
}

pub(crate) async fn list(
    State(console): State<ConsoleFunction>,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let parameters = Parameters::of(&request, &["edge", "state", "cursor", "limit"])?;
    expect_no_body(request).await?;
    let filter = DeadLetterFilter {
        edge: parameters
            .parsed("edge", &one_of(Edge::VARIANTS.iter().map(|edge| edge.as_str())))?,
        state: parameters.parsed(
            "state",
            &one_of(DeadLetterState::VARIANTS.iter().map(|state| state.as_str())),
        )?,
    };
    let (limit, cursor) = (parameters.limit()?, parameters.text("cursor"));
    let listed = console.redrive.list(filter, cursor, limit).await;
    let listed = listed.map_err(|error| {
        // A parameter of the query, not a field of a body.
        if let NotRedriven::Invalid(fault) = error {
            Problem::malformed(fault)
        } else {
            problem(error)
        }
    })?;
    let items: Vec<_> = listed.letters.iter().map(DeadLetterView::of).collect();
    Ok(Json(Page { items, next: listed.next }).into_response())
}

fn one_of<'a>(values: impl Iterator<Item = &'a str>) -> String {
    format!("must be one of {}", values.collect::<Vec<_>>().join(", "))
}

pub(crate) async fn redrive(
    State(console): State<ConsoleFunction>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let by = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let body = read_json(request, BODY_BYTES_MAX).await?;
    let RedriveRequest { reason } = body.deserialize().map_err(Problem::invalid)?;
    let id = id.map_or_else(|_| String::new(), |path| path.0);
    let letter = console.redrive.redrive(&id, &RedriveOrder { by, reason }).await;
    let letter = letter.map_err(problem)?;
    Ok(Json(DeadLetterView::of(&letter)).into_response())
}

pub(crate) async fn redrive_edge(
    State(console): State<ConsoleFunction>,
    request: Request,
) -> Result<Response, Problem> {
    let by = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let body = read_json(request, BODY_BYTES_MAX).await?;
    let RedriveEdgeRequest { edge, dry_run, expected, reason } =
        body.deserialize().map_err(Problem::invalid)?;
    let about = |redriven: usize| {
        let subject = [("edge", edge.as_str().to_owned()), ("redriven", redriven.to_string())];
        Extension(AuditSubject(subject.into()))
    };
    if dry_run {
        for (field, is_given) in [("expected", expected.is_some()), ("reason", reason.is_some())] {
            if is_given {
                let must = "must be left out in a dry run";
                return Err(Problem::invalid(FieldError::new(field, must)));
            }
        }
        let count = console.redrive.count(edge).await.map_err(problem)?;
        return Ok((about(0), Json(RedrivenEdgeView::counted(count))).into_response());
    }
    let missing = |field: &str| {
        let must = "is missing; send dry_run: true first, and then expected and reason";
        Problem::invalid(FieldError::new(field, must))
    };
    let expected = expected.ok_or_else(|| missing("expected"))?;
    let reason = reason.ok_or_else(|| missing("reason"))?;
    let order = RedriveOrder { by, reason };
    let done = console.redrive.redrive_edge(edge, expected, &order).await.map_err(problem)?;
    Ok((about(done.redriven), Json(RedrivenEdgeView::done(done))).into_response())
}

fn problem(error: NotRedriven) -> Problem {
    match error {
        NotRedriven::Invalid(error) => Problem::invalid(error),
        NotRedriven::NotFound => {
            let detail = "there is no such dead letter; GET /v1/ops/dead-letters lists them";
            Problem::not_found("id", detail)
        }
        NotRedriven::OtherCount(count) => {
            let detail = format!(
                "is not the number of dead letters that may be sent again: these are {count} now; \
                 send dry_run: true, and then the number that it counts"
            );
            Problem::new(ProblemKind::OtherCount, FieldError::new("expected", detail))
        }
        NotRedriven::Refused(NotRedrivable::AtWork { ends_within_s }) => {
            let detail = format!(
                "the dead letter is being sent again by another request; look at it after \
                 {ends_within_s} s"
            );
            Problem::conflict(detail).retry_after(ends_within_s)
        }
        NotRedriven::Refused(NotRedrivable::Redriven { by, at_ms }) => {
            let at = time(at_ms).map(|at| at.to_string()).unwrap_or_default();
            Problem::conflict(format!("the dead letter was sent again by {by} at {at}"))
        }
        NotRedriven::Refused(NotRedrivable::NoContents) => Problem::conflict(
            "the contents of the dead letter are not stored: they were larger than any message of \
             Alimi, or have been sent again",
        ),
        NotRedriven::Refused(NotRedrivable::Repaired { by }) => {
            Problem::conflict(format!("nothing has to be sent again: {by}"))
        }
        NotRedriven::Port(error) => Problem::unavailable(&error),
    }
}
