//! Records the requests of a router: who asked, what for, whom it is about, and how it ended. Every route
//! is recorded unless its function names it as an exception, so no new route is forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::RequestExt;
use axum::extract::{MatchedPath, Query, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, header};

use super::caller::IdentifyCaller;
use super::problem::Problem;
use super::request_id::current_request_id;
use crate::domain::AuditRecord;
use crate::domain::audit::subject_value;
use crate::ports::Randomness;
use crate::use_cases::audit::{AuditTrail, Requirement};

/// The parameters of query strings that name what a request is about.
const SUBJECT_PARAMETERS: [&str; 12] = [
    "audience",
    "channel",
    "day",
    "edge",
    "event",
    "producer",
    "recipient",
    "run",
    "schedule",
    "tag",
    "template",
    "upload",
];

/// What records the requests of one function.
#[derive(Clone)]
pub struct Recorder {
    pub trail: AuditTrail,
    pub requirement: Requirement,
    /// Finds who sent a request. A request of nobody is not recorded: its handler refuses it.
    pub identify: IdentifyCaller,
    /// The requests that are not recorded, by method and route.
    pub is_exempt: fn(&Method, &str) -> bool,
    /// For the ids of requests that API Gateway gave none.
    pub randomness: Arc<dyn Randomness>,
}

/// What a request turned out to be about, beside the names and ids in its path. A handler adds this to its
/// answer's extensions (`axum::Extension`). The client does not see it.
#[derive(Clone, Debug, Default)]
pub struct AuditSubject(pub Vec<(&'static str, String)>);

/// Records a request. A layer of the routes: `axum::middleware::from_fn_with_state(recorder, recorded)`.
pub async fn recorded(
    State(recorder): State<Recorder>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let actor = (recorder.identify)(request.extensions());
    let (Some(route), Some(actor)) = (route, actor) else { return next.run(request).await };
    if (recorder.is_exempt)(request.method(), &route) {
        return next.run(request).await;
    }
    let only_reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut record = AuditRecord {
        at_ms: recorder.trail.now_ms(),
        request_id: current_request_id()
            .unwrap_or_else(|| format!("{:016x}", recorder.randomness.next_u64())),
        actor,
        action: format!("{} {route}", request.method()),
        subject: subject(&mut request).await,
        status: None,
    };
    if !only_reads && let Err(error) = recorder.trail.begin(&record, recorder.requirement).await {
        return Problem::unavailable(&error).into_response();
    }
    let mut response = next.run(request).await;
    record.status = Some(response.status().as_u16());
    let found = response.extensions_mut().remove::<AuditSubject>().unwrap_or_default();
    record
        .subject
        .extend(found.0.into_iter().map(|(name, value)| (name.to_owned(), subject_value(&value))));
    if response.status().is_success()
        && let Some(revision) = response.headers().get(header::ETAG)
    {
        let revision = revision.to_str().unwrap_or_default().trim_matches('"');
        record.subject.insert("revision".to_owned(), revision.to_owned());
    }
    if only_reads {
        match recorder.trail.seen(&record, recorder.requirement).await {
            Ok(()) => response,
            Err(error) => Problem::unavailable(&error).into_response(),
        }
    } else {
        recorder.trail.end(&record).await;
        response
    }
}

/// The ids and names in a request's path and in its query.
async fn subject(request: &mut Request) -> BTreeMap<String, String> {
    let mut subject = BTreeMap::new();
    if let Ok(Query(parameters)) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()) {
        let known = parameters
            .into_iter()
            .filter(|(name, _)| SUBJECT_PARAMETERS.contains(&name.as_str()))
            .map(|(name, value)| (name, subject_value(&value)));
        subject.extend(known);
    }
    if let Ok(path) = request.extract_parts::<RawPathParams>().await {
        subject.extend(path.iter().map(|(name, value)| (name.to_owned(), subject_value(value))));
    }
    subject
}
