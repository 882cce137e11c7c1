//! The routes of documents: channels, templates, schedules, audiences, the stack's hours and
//! producers. They are the same for every kind.

use alimi::domain::{Audience, Channel, FieldError, Producer, Schedule, Template};
use alimi::http::{Body, Page, Parameters, Problem, expect_bare, expect_no_body, read_json};
use alimi::ports::{Document, Expected, Kind};
use alimi::use_cases::Entry;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::change::{expected, expected_to_delete, not_changed, tagged};
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, new_name, no_such_document};
use crate::view::{DocumentView, RevisionView};

/// The largest document: larger than any template, and smaller than an item of DynamoDB.
pub const DOCUMENT_BYTES_MAX: usize = 128 * 1024;

pub(crate) async fn list(
    console: &ConsoleFunction,
    kind: Kind,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let parameters = Parameters::of(&request, &["after", "limit"])?;
    let limit = parameters.limit()?;
    expect_no_body(request).await?;
    let documents = console.documents.documents(kind, parameters.after()?, limit).await?;
    let next = if documents.len() == limit { documents.last() } else { None };
    let next = next.map(|last| last.name.clone());
    let items = documents.iter().map(DocumentView::of).collect();
    Ok(Json(Page { items, next }).into_response())
}

pub(crate) async fn read(
    console: &ConsoleFunction,
    kind: Kind,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    expect_bare(request).await?;
    let document = find(console, kind, &known_name(kind, name)?).await?;
    Ok(answer(document, StatusCode::OK))
}

pub(crate) async fn put(
    console: &ConsoleFunction,
    kind: Kind,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let expected = expected(request.headers())?;
    let name = new_name(kind, name)?;
    let body = read_json(request, DOCUMENT_BYTES_MAX).await?;
    let entry = entry(kind, &name, body).map_err(Problem::invalid)?;
    let status = match expected {
        Expected::Absent => StatusCode::CREATED,
        Expected::Revision(_) | Expected::Any => StatusCode::OK,
    };
    match console.configure_catalog.put(entry, expected, &caller).await {
        Ok(document) => Ok(answer(document, status)),
        Err(error) => Ok(not_changed(error, expected, || no_such_document(kind, &name))),
    }
}

pub(crate) async fn delete(
    console: &ConsoleFunction,
    kind: Kind,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    let name = known_name(kind, name)?;
    let expected = expected_to_delete(request.headers())?;
    expect_bare(request).await?;
    match console.configure_catalog.delete(kind, &name, expected, &caller).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Ok(not_changed(error, expected, || no_such_document(kind, &name))),
    }
}

pub(crate) async fn history(
    console: &ConsoleFunction,
    kind: Kind,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let limit = Parameters::of(&request, &["limit"])?.limit()?;
    expect_no_body(request).await?;
    let name = known_name(kind, name)?;
    let revisions = console.documents.history(kind, &name, limit).await?;
    if revisions.is_empty() {
        return Err(no_such_document(kind, &name));
    }
    let items = revisions.iter().map(RevisionView::of).collect();
    Ok(Json(Page { items, next: None }).into_response())
}

pub(crate) async fn pause(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    expect_bare(request).await?;
    set_paused(&console, name, &caller, true).await
}

pub(crate) async fn resume(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    expect_bare(request).await?;
    set_paused(&console, name, &caller, false).await
}

async fn set_paused(
    console: &ConsoleFunction,
    name: Name,
    caller: &str,
    paused: bool,
) -> Result<Response, Problem> {
    let name = known_name(Kind::Channel, name)?;
    match console.configure_catalog.set_paused(&name, paused, caller).await {
        Ok(document) => Ok(answer(document, StatusCode::OK)),
        Err(error) => {
            let missing = || no_such_document(Kind::Channel, &name);
            Ok(not_changed(error, Expected::Any, missing))
        }
    }
}

pub(crate) async fn find(
    console: &ConsoleFunction,
    kind: Kind,
    name: &str,
) -> Result<Document, Problem> {
    let found = console.documents.document(kind, name).await?;
    found.ok_or_else(|| no_such_document(kind, name))
}

/// The document's content as it is stored: an operator can change it and put it back.
fn answer(document: Document, status: StatusCode) -> Response {
    tagged(document.revision, (status, Json(document.body.unwrap_or_default())))
}

/// Reads a body as the content of a document that has the name in the path.
fn entry(kind: Kind, name: &str, body: Body) -> Result<Entry, FieldError> {
    let set_name = |own: &mut String| {
        if own.is_empty() {
            name.clone_into(own);
        }
        let must = || FieldError::new("name", "must be left out, or equal the name in the path");
        (own == name).then_some(()).ok_or_else(must)
    };
    Ok(match kind {
        Kind::Channel => {
            let mut channel: Channel = body.deserialize()?;
            set_name(&mut channel.name)?;
            Entry::Channel(channel)
        }
        Kind::Template => {
            let mut template: Template = body.deserialize()?;
            set_name(&mut template.name)?;
            Entry::Template(template)
        }
        Kind::Schedule => {
            let mut schedule: Schedule = body.deserialize()?;
            set_name(&mut schedule.name)?;
            Entry::Schedule(schedule)
        }
        Kind::Audience => {
            let mut audience: Audience = body.deserialize()?;
            set_name(&mut audience.name)?;
            Entry::Audience(audience)
        }
        Kind::Hours => Entry::Hours(body.deserialize()?),
        Kind::Producer => {
            let mut producer: Producer = body.deserialize()?;
            set_name(&mut producer.name)?;
            Entry::Producer(producer)
        }
    })
}
