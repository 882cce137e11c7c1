//! Members of audiences, as files.

use alimi::delivery::upload::{LINES_MAX, Part};
use alimi::delivery::{FieldError, NotUploaded, UploadReport, UploadRequest};
use alimi::domain::audience::file::AudienceFormat;
use alimi::http::Problem;
use alimi::ports::scheduling::Kind;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::change::tagged;
use crate::documents::known_name;
use crate::query::Parameters;
use crate::view::UploadView;
use crate::{Console, Name};

/// The largest body: what Lambda takes, where API Gateway would take 10 MB. Larger files come in
/// parts.
pub const UPLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;

/// What to do with a file that is too large for one request.
const IN_PARTS: &str = "Send it in parts, CSV with the header line in each: ?upload=<name>&first_line=<n>, \
     where first_line is 1 and then the next_line of the answer before, and &complete=true with \
     the last";

pub(crate) async fn upload(
    State(console): State<Console>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let by = console.caller(&request)?;
    let audience = known_name(Kind::Audience, name)?;
    let part = part(&Parameters::of(&request, &["upload", "complete", "first_line"])?)?;
    let format = format(request.headers())?;
    let body = axum::body::to_bytes(request.into_body(), UPLOAD_BYTES_MAX)
        .await
        .map_err(|_| too_large())?;
    let wants_to_hold = part.as_ref().is_none_or(|part| part.is_last);
    let request = UploadRequest { audience, format, part, body, by };
    match console.upload.upload(&request).await {
        Ok(report) => Ok(answer(&report, wants_to_hold)),
        Err(NotUploaded::Missing) => {
            Err(Problem::not_found("name", "there is no audience of this name: PUT it first"))
        }
        Err(NotUploaded::Invalid(error)) => Err(Problem::invalid(error)),
        Err(NotUploaded::TooLong(lines)) => Err(too_long(lines)),
        Err(NotUploaded::Lost(current)) => Ok(outrun(current)),
        Err(NotUploaded::Port(error)) => Err(Problem::unavailable(&error)),
    }
}

fn too_large() -> Problem {
    let bytes = UPLOAD_BYTES_MAX;
    Problem::too_much(format!("must be at most {bytes} bytes, which Lambda takes. {IN_PARTS}"))
}

fn too_long(lines: u64) -> Problem {
    let must = format!("must be at most {LINES_MAX} lines, which fit into a request's time");
    Problem::too_much(format!("{must}: it has {lines}. {IN_PARTS}"))
}

/// Somebody changed the audience while the members were stored. They are there still, and the same
/// request meets them.
fn outrun(current: Option<u64>) -> Response {
    let problem = Problem::outrun("the audience was changed meanwhile: repeat this request");
    match current {
        None => problem.into_response(),
        Some(revision) => tagged(revision, problem),
    }
}

fn answer(report: &UploadReport, wants_to_hold: bool) -> Response {
    // An upload without a member is refused as a whole; its bad lines tell why.
    let status = if wants_to_hold && !report.committed {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    tagged(report.revision, (status, Json(UploadView::of(report))))
}

fn part(parameters: &Parameters) -> Result<Option<Part>, Problem> {
    let first_line = parameters.parsed("first_line", "must be a number of 1 or more")?;
    let is_last = parameters.parsed("complete", "must be true or false")?;
    match parameters.text("upload") {
        Some(upload) => Ok(Some(Part {
            upload: upload.to_owned(),
            first_line: first_line.unwrap_or(1),
            is_last: is_last.unwrap_or(false),
        })),
        None if first_line.is_none_or(|line| line == 1) && is_last != Some(false) => Ok(None),
        None => {
            let must = "must name the upload that this is a part of";
            Err(Problem::malformed(FieldError::new("upload", must)))
        }
    }
}

fn format(headers: &HeaderMap) -> Result<AudienceFormat, Problem> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Without its parameters, such as the charset: what is not UTF-8 is told by its line.
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    match media_type.to_ascii_lowercase().as_str() {
        "text/csv" => Ok(AudienceFormat::Csv),
        "application/x-ndjson" => Ok(AudienceFormat::Ndjson),
        _ => Err(Problem::unsupported_media_type("must be text/csv or application/x-ndjson")),
    }
}
