//! Records the requests of a router: who asked, what for, whom it is about, and how it ended. Every route
//! is recorded unless its function names it as an exception, so no new route is forgotten.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::RequestExt;
use axum::body::Body;
use axum::extract::{MatchedPath, Query, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, header};

use super::caller::{IdentifyCaller, key_caller};
use super::incoming::read_bytes;
use super::problem::Problem;
use super::request_id::current_request_id;
use crate::domain::AuditRecord;
use crate::domain::audit::{reason_value, subject_value};
use crate::ports::{PortError, Randomness};
use crate::use_cases::audit::{AuditTrail, Requirement};

/// The parameters of query strings that name what a request is about.
const SUBJECT_PARAMETERS: [&str; 13] = [
    "audience",
    "channel",
    "day",
    "edge",
    "event",
    "exception",
    "producer",
    "recipient",
    "run",
    "schedule",
    "tag",
    "template",
    "upload",
];

/// Bodies with a reason are small.
const REASONED_BYTES_MAX: usize = 1024 * 1024;

/// What records the requests of one function.
#[derive(Clone)]
pub struct Recorder {
    pub trail: AuditTrail,
    pub requirement: Requirement,
    /// Finds who sent a request. A request of nobody is not recorded: its handler refuses it.
    pub identify: IdentifyCaller,
    /// The requests that are not recorded, by method and route.
    pub is_exempt: fn(&Method, &str) -> bool,
    /// The routes whose requests say in the member `reason` of their bodies why they are made. The
    /// record of the beginning has the reason, so it is stored before the request has its effect.
    pub has_reason: fn(&str) -> bool,
    /// For the ids of requests that API Gateway gave none.
    pub randomness: Arc<dyn Randomness>,
}

/// What a request turned out to be about, beside the names and ids in its path. A handler adds this to its
/// answer's extensions (`axum::Extension`). The client does not see it.
#[derive(Clone, Debug, Default)]
pub struct AuditSubject(pub Vec<(&'static str, String)>);

/// The record of a request that is being worked on. A handler completes it by what the request's body
/// says, before the effect.
#[derive(Clone)]
pub struct OpenRecord {
    trail: AuditTrail,
    record: Arc<Mutex<AuditRecord>>,
}

impl OpenRecord {
    /// The record of a request; `None` when the request is not recorded.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        request.extensions().get().cloned()
    }

    /// Adds to what the request is about, and stores the record again.
    ///
    /// # Errors
    /// [`PortError`]: nothing may be changed.
    pub async fn complete(
        &self,
        subject: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<(), PortError> {
        let completed = {
            let mut record = self.record();
            let added = subject.into_iter();
            record
                .subject
                .extend(added.map(|(name, value)| (name.to_owned(), subject_value(&value))));
            record.clone()
        };
        self.trail.complete(&completed).await
    }

    fn record(&self) -> MutexGuard<'_, AuditRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records a request. A layer of the routes: `axum::middleware::from_fn_with_state(recorder, recorded)`.
pub async fn recorded(
    State(recorder): State<Recorder>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let key = key_caller(request.extensions()).map(|caller| format!("api-key/{}", caller.key));
    let actor = key.or_else(|| (recorder.identify)(request.extensions()));
    let (Some(route), Some(actor)) = (route, actor) else { return next.run(request).await };
    if (recorder.is_exempt)(request.method(), &route) {
        return next.run(request).await;
    }
    let only_reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut subject = subject(&mut request).await;
    if !only_reads && (recorder.has_reason)(&route) {
        let (parts, body) = request.into_parts();
        let Some(body) = read_bytes(Request::new(body), REASONED_BYTES_MAX).await else {
            return Problem::too_large(REASONED_BYTES_MAX).into_response();
        };
        subject.extend(reason(&body).map(|reason| ("reason".to_owned(), reason)));
        request = Request::from_parts(parts, Body::from(body));
    }
    let record = AuditRecord {
        at_ms: recorder.trail.now_ms(),
        request_id: current_request_id()
            .unwrap_or_else(|| format!("{:016x}", recorder.randomness.next_u64())),
        actor,
        action: format!("{} {route}", request.method()),
        subject,
        status: None,
    };
    if !only_reads && let Err(error) = recorder.trail.begin(&record, recorder.requirement).await {
        return Problem::unavailable(&error).into_response();
    }
    let open = OpenRecord { trail: recorder.trail.clone(), record: Arc::new(Mutex::new(record)) };
    request.extensions_mut().insert(open.clone());
    let mut response = next.run(request).await;
    let mut record = open.record().clone();
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

/// The member `reason` of a body. The handler refuses a body that is not as it should be.
fn reason(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    body.get("reason")?.as_str().map(reason_value)
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
