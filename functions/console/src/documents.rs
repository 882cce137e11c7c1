//! Channels, templates, schedules, audiences and the stack's hours: the same doors for all.

use alimi::delivery::{Entry, FieldError};
use alimi::domain::channel::is_name;
use alimi::domain::{Audience, Channel, HoursConfig, Schedule, Template};
use alimi::http::{Body, Problem};
use alimi::ports::scheduling::{Document, Expected, Kind};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::change::{expected, refused, tagged};
use crate::query::Parameters;
use crate::view::{DocumentView, Page, RevisionView};
use crate::{Console, Name};

/// The largest document: far more than any template needs, far less than DynamoDB takes.
pub const DOCUMENT_BYTES_MAX: usize = 128 * 1024;

pub(crate) async fn list(
    console: &Console,
    kind: Kind,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let parameters = Parameters::of(&request, &["after", "limit"])?;
    let limit = parameters.limit()?;
    let documents = console.documents.documents(kind, parameters.after()?, limit).await?;
    let next = if documents.len() == limit { documents.last() } else { None };
    let next = next.map(|last| last.name.clone());
    let items = documents.iter().map(DocumentView::of).collect();
    Ok(Json(Page { items, next }).into_response())
}

pub(crate) async fn read(
    console: &Console,
    kind: Kind,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let document = find(console, kind, &known_name(kind, name)?).await?;
    Ok(answer(document, StatusCode::OK))
}

pub(crate) async fn put(
    console: &Console,
    kind: Kind,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    let expected = expected(request.headers())?;
    let name = new_name(kind, name)?;
    let bytes = axum::body::to_bytes(request.into_body(), DOCUMENT_BYTES_MAX)
        .await
        .map_err(|_| Problem::too_large(DOCUMENT_BYTES_MAX))?;
    let body = Body::read(&bytes).map_err(Problem::malformed)?;
    let entry = entry(kind, &name, body).map_err(Problem::invalid)?;
    let status = match expected {
        Expected::Absent => StatusCode::CREATED,
        Expected::Revision(_) | Expected::Any => StatusCode::OK,
    };
    match console.configure.put(entry, expected, &caller).await {
        Ok(document) => Ok(answer(document, status)),
        Err(error) => Ok(refused(error, || nothing(kind))),
    }
}

pub(crate) async fn delete(
    console: &Console,
    kind: Kind,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    let name = known_name(kind, name)?;
    let expected = expected(request.headers())?;
    match console.configure.delete(kind, &name, expected, &caller).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Ok(refused(error, || nothing(kind))),
    }
}

pub(crate) async fn history(
    console: &Console,
    kind: Kind,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let limit = Parameters::of(&request, &["limit"])?.limit()?;
    let name = known_name(kind, name)?;
    let revisions = console.documents.history(kind, &name, limit).await?;
    if revisions.is_empty() {
        return Err(nothing(kind));
    }
    let items = revisions.iter().map(RevisionView::of).collect();
    Ok(Json(Page { items, next: None }).into_response())
}

pub(crate) async fn pause(
    State(console): State<Console>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    set_paused(&console, name, &caller, true).await
}

pub(crate) async fn resume(
    State(console): State<Console>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    set_paused(&console, name, &caller, false).await
}

async fn set_paused(
    console: &Console,
    name: Name,
    caller: &str,
    paused: bool,
) -> Result<Response, Problem> {
    let name = known_name(Kind::Channel, name)?;
    match console.configure.set_paused(&name, paused, caller).await {
        Ok(document) => Ok(answer(document, StatusCode::OK)),
        Err(error) => Ok(refused(error, || nothing(Kind::Channel))),
    }
}

pub(crate) async fn find(console: &Console, kind: Kind, name: &str) -> Result<Document, Problem> {
    console.documents.document(kind, name).await?.ok_or_else(|| nothing(kind))
}

/// A document as it is: what is read can be changed and put back.
fn answer(document: Document, status: StatusCode) -> Response {
    tagged(document.revision, (status, Json(document.body.unwrap_or_default())))
}

/// What cannot be a name is nobody's.
pub(crate) fn known_name(kind: Kind, name: Name) -> Result<String, Problem> {
    new_name(kind, name).map_err(|_| nothing(kind))
}

fn new_name(kind: Kind, name: Name) -> Result<String, Problem> {
    let name = name.map_or_else(|_| String::new(), |path| path.0);
    let must = match kind {
        Kind::Hours if name != Kind::STACK_HOURS => "must be stack: there is only one",
        Kind::Channel | Kind::Template | Kind::Schedule | Kind::Audience if !is_name(&name) => {
            "must be 1 to 64 of a-z, 0-9 and -"
        }
        Kind::Channel | Kind::Template | Kind::Schedule | Kind::Audience | Kind::Hours => {
            return Ok(name);
        }
    };
    Err(Problem::invalid(FieldError::new("name", must)))
}

fn nothing(kind: Kind) -> Problem {
    let detail = match kind {
        Kind::Hours => {
            let HoursConfig { scheduled, advertising } = HoursConfig::default();
            format!(
                "none is stored, so the defaults hold: {scheduled} for scheduled messages, and \
                 {advertising} for advertising. PUT /v1/hours/stack with If-None-Match: * changes \
                 that"
            )
        }
        Kind::Channel | Kind::Template | Kind::Schedule | Kind::Audience => {
            format!("there is no {} of this name", kind.as_str())
        }
    };
    Problem::not_found("name", detail)
}

/// What a body says, under the path's name.
fn entry(kind: Kind, name: &str, body: Body) -> Result<Entry, FieldError> {
    let named = |own: &mut String| {
        if own.is_empty() {
            name.clone_into(own);
        }
        let must = || FieldError::new("name", "must be left out, or be the name in the path");
        (own == name).then_some(()).ok_or_else(must)
    };
    Ok(match kind {
        Kind::Channel => {
            let mut channel: Channel = body.take()?;
            named(&mut channel.name)?;
            Entry::Channel(channel)
        }
        Kind::Template => {
            let mut template: Template = body.take()?;
            named(&mut template.name)?;
            Entry::Template(template)
        }
        Kind::Schedule => {
            let mut schedule: Schedule = body.take()?;
            named(&mut schedule.name)?;
            Entry::Schedule(schedule)
        }
        Kind::Audience => {
            let mut audience: Audience = body.take()?;
            named(&mut audience.name)?;
            Entry::Audience(audience)
        }
        Kind::Hours => Entry::Hours(body.take()?),
    })
}
