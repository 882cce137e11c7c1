//! The route of uploads.

use alimi::domain::FieldError;
use alimi::domain::audience::file::AudienceFormat;
use alimi::http::{Parameters, Problem, ProblemKind, media_type, read_bytes};
use alimi::ports::Kind;
use alimi::use_cases::console::upload::{LINES_MAX, PartPlace};
use alimi::use_cases::{NotUploaded, UploadReport, UploadRequest};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use crate::change::tagged;
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, no_such_document};
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
    let body = read_bytes(request, UPLOAD_BYTES_MAX).await.ok_or_else(too_large)?;
    let is_last = part.as_ref().is_none_or(|part| part.is_last);
    let request = UploadRequest { audience, format, part, body, by };
    match console.upload_members.upload(&request).await {
        Ok(report) => Ok(answer(&report, is_last)),
        Err(NotUploaded::Missing) => Err(no_such_document(Kind::Audience, &request.audience)),
        Err(NotUploaded::Invalid(error)) => Err(Problem::invalid(error)),
        Err(NotUploaded::TooLong(lines)) => Err(too_long(lines)),
        Err(NotUploaded::Conflict(current)) => Ok(conflict(current)),
        Err(NotUploaded::Port(error)) => Err(Problem::unavailable(&error)),
    }
}

fn too_large() -> Problem {
    Problem::too_much(format!(
        "has more than {UPLOAD_BYTES_MAX} bytes; must have at most {UPLOAD_BYTES_MAX}. {IN_PARTS}"
    ))
}

fn too_long(lines: u64) -> Problem {
    Problem::too_much(format!("has {lines} lines; must have at most {LINES_MAX}. {IN_PARTS}"))
}

/// Another operator changed the audience while the members were stored. The members are still
/// stored, so repeating the request is quick.
fn conflict(current: Option<u64>) -> Response {
    let detail = "concerns an audience that was changed meanwhile; repeat this request";
    let problem = Problem::precondition_failed("request", detail);
    match current {
        None => problem.into_response(),
        Some(revision) => tagged(revision, problem),
    }
}

fn answer(report: &UploadReport, is_last: bool) -> Response {
    if is_last && !report.committed {
        return tagged(report.revision, no_valid_member(report));
    }
    tagged(report.revision, Json(UploadView::of(report)))
}

/// An upload without a valid member is refused as a whole. Its bad lines say why.
fn no_valid_member(report: &UploadReport) -> Problem {
    let count = report.bad_line_count;
    let detail = match report.bad_lines.len() {
        0 => {
            "has no line with a member; must have at least one, in a CSV file below the header line"
                .to_owned()
        }
        listed => format!(
            "has no valid member: {count} of its lines are invalid, and the list of errors has the \
             first {listed} of them; correct the lines and upload the file again, in parts under a new \
             name"
        ),
    };
    let whole = FieldError::new("body", detail);
    if report.bad_lines.is_empty() {
        return Problem::new(ProblemKind::InvalidFile, whole);
    }
    let errors = report.bad_lines.iter().map(|bad| {
        let field = bad.field.as_ref().map_or_else(String::new, |field| format!(", {field}"));
        FieldError::new(format!("line {}{field}", bad.line), bad.fault.clone())
    });
    Problem::of_parts(ProblemKind::InvalidFile, whole, errors.collect())
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
    const CSV: &str = "text/csv";
    // Lines that are not UTF-8 are reported one by one.
    match media_type(headers, &[CSV, "application/x-ndjson"])? {
        CSV => Ok(AudienceFormat::Csv),
        _ => Ok(AudienceFormat::Ndjson),
    }
}
