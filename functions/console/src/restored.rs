//! The route that reviews the notifications after their table was restored to an earlier time.

use alimi::http::{Parameters, Problem, read_json};
use alimi::use_cases::{NotReviewed, Restoration};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;

use crate::function::ConsoleFunction;
use crate::view::ReviewedView;

/// The largest body: larger than any reason.
const BODY_BYTES_MAX: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestoredRequest {
    restored_to: Timestamp,
    reason: String,
    #[serde(default)]
    cursor: Option<String>,
}

pub(crate) async fn review(
    State(console): State<ConsoleFunction>,
    request: Request,
) -> Result<Response, Problem> {
    let by = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let body = read_json(request, BODY_BYTES_MAX).await?;
    let RestoredRequest { restored_to, reason, cursor } =
        body.deserialize().map_err(Problem::invalid)?;
    let restoration = Restoration { restored_to, reason, by, cursor };
    match console.review_restored.review(&restoration).await {
        Ok(reviewed) => Ok(Json(ReviewedView::of(&reviewed)).into_response()),
        Err(error) => Err(not_reviewed(error)),
    }
}

fn not_reviewed(error: NotReviewed) -> Problem {
    match error {
        NotReviewed::Invalid(error) => Problem::invalid(error),
        NotReviewed::NotPaused(channels) => {
            let channels = channels.join(", ");
            let detail = format!(
                "these channels are not paused: {channels}; pause every channel first with POST \
                 /v1/channels/{{name}}/pause"
            );
            Problem::not_stopped(detail, None)
        }
        NotReviewed::AtWork { ends_within_s } => {
            let detail = format!(
                "a sender that began before the pause may still be at work; repeat the request \
                 after {ends_within_s} s"
            );
            Problem::not_stopped(detail, Some(ends_within_s))
        }
        NotReviewed::Port(error) => Problem::unavailable(&error),
    }
}
