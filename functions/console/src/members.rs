//! The route of uploads.

use alimi::domain::FieldError;
use alimi::domain::audience::file::AudienceFormat;
use alimi::http::Problem;
use alimi::ports::Kind;
use alimi::use_cases::console::upload::{LINES_MAX, PartPlace};
use alimi::use_cases::{NotUploaded, UploadReport, UploadRequest};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::change::tagged;
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name};
use crate::query::Parameters;
use crate::view::UploadView;

/// The largest body: Lambda's limit. API Gateway itself takes 10 MB. Larger files are sent in
/// parts.
pub const UPLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;

/// What to do with a file that is too large for one request.
const IN_PARTS: &str = "Send the file in parts, each part of a CSV file with the header line: \
    ?upload=<name>&first_line=<n>, where first_line is 1 for the first part and the next_line of \
    the answer before for the others, and &complete=true with the last part";

pub(crate) async fn upload(
    State(console): State<ConsoleFunction>,
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
    let is_last = part.as_ref().is_none_or(|part| part.is_last);
    let request = UploadRequest { audience, format, part, body, by };
    match console.upload_members.upload(&request).await {
        Ok(report) => Ok(answer(&report, is_last)),
        Err(NotUploaded::Missing) => {
            let detail = "there is no audience with this name; create it before the upload";
            Err(Problem::not_found("name", detail))
        }
        Err(NotUploaded::Invalid(error)) => Err(Problem::invalid(error)),
        Err(NotUploaded::TooLong(lines)) => Err(too_long(lines)),
        Err(NotUploaded::Conflict(current)) => Ok(conflict(current)),
        Err(NotUploaded::Port(error)) => Err(Problem::unavailable(&error)),
    }
}

fn too_large() -> Problem {
    Problem::too_much(format!("must have at most {UPLOAD_BYTES_MAX} bytes. {IN_PARTS}"))
}

fn too_long(lines: u64) -> Problem {
    Problem::too_much(format!("has {lines} lines; must have at most {LINES_MAX}. {IN_PARTS}"))
}

/// Another operator changed the audience while the members were stored. The members are still
/// stored, so repeating the request is quick.
fn conflict(current: Option<u64>) -> Response {
    let problem =
        Problem::changed_meanwhile("the audience was changed meanwhile; repeat this request");
    match current {
        None => problem.into_response(),
        Some(revision) => tagged(revision, problem),
    }
}

fn answer(report: &UploadReport, is_last: bool) -> Response {
    // An upload without a valid member is refused as a whole. Its bad lines say why.
    let status = if is_last && !report.committed {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    tagged(report.revision, (status, Json(UploadView::of(report))))
}

fn part(parameters: &Parameters) -> Result<Option<PartPlace>, Problem> {
    let first_line = parameters.parsed("first_line", "must be a number of 1 or more")?;
    let is_last = parameters.parsed("complete", "must be true or false")?;
    match parameters.text("upload") {
        Some(upload) => Ok(Some(PartPlace {
            upload: upload.to_owned(),
            first_line: first_line.unwrap_or(1),
            is_last: is_last.unwrap_or(false),
        })),
        None if first_line.is_none_or(|line| line == 1) && is_last != Some(false) => Ok(None),
        None => {
            let must = "is missing; must name the upload that this part belongs to";
            Err(Problem::malformed(FieldError::new("upload", must)))
        }
    }
}

fn format(headers: &HeaderMap) -> Result<AudienceFormat, Problem> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Parameters such as the charset are ignored: lines that are not UTF-8 are reported one by one.
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    match media_type.to_ascii_lowercase().as_str() {
        "text/csv" => Ok(AudienceFormat::Csv),
        "application/x-ndjson" => Ok(AudienceFormat::Ndjson),
        _ => Err(Problem::unsupported_media_type("must be text/csv or application/x-ndjson")),
    }
}
