//! Lets operators change the catalog over HTTP, upload audiences, and look ahead.

mod change;
mod documents;
mod members;
mod query;
mod schedules;
mod view;

use std::sync::Arc;

use alimi::delivery::{Configure, DryRun, Upload};
use alimi::http::{Callers, Problem};
use alimi::ports::scheduling::{AudienceFiles, Documents, Kind, Runs};
use alimi::ports::{Catalog, Clock};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::routing::{get, post};

pub use self::documents::DOCUMENT_BYTES_MAX;
pub use self::members::UPLOAD_BYTES_MAX;

/// What the routes work with.
#[derive(Clone)]
pub struct Console {
    /// Changes the catalog.
    pub configure: Configure,
    /// Reads it, with revisions and history.
    pub documents: Arc<dyn Documents>,
    /// Reads it, as the functions do.
    pub catalog: Arc<dyn Catalog>,
    /// Takes members in.
    pub upload: Upload,
    /// Runs schedules dry.
    pub dry_run: DryRun,
    /// Files of audiences.
    pub files: Arc<dyn AudienceFiles>,
    /// Runs of schedules.
    pub runs: Arc<dyn Runs>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Who asks.
    pub callers: Callers,
}

/// The routes.
pub fn router(console: Console) -> Router {
    let mut router = Router::new()
        .route("/v1/channels/{name}/pause", post(documents::pause))
        .route("/v1/channels/{name}/resume", post(documents::resume))
        .route("/v1/audiences/{name}/members", post(members::upload))
        .route("/v1/schedules/{name}/preview", get(schedules::preview))
        .route("/v1/schedules/{name}/dry-run", post(schedules::dry_run))
        .route("/v1/schedules/{name}/runs", get(schedules::runs));
    for kind in Kind::ALL {
        let list = move |State(console): State<Console>, request: Request| async move {
            documents::list(&console, kind, request).await
        };
        let read = move |State(console), name: Name, request: Request| async move {
            documents::read(&console, kind, name, request).await
        };
        let put = move |State(console), name: Name, request: Request| async move {
            documents::put(&console, kind, name, request).await
        };
        let delete = move |State(console), name: Name, request: Request| async move {
            documents::delete(&console, kind, name, request).await
        };
        let history = move |State(console), name: Name, request: Request| async move {
            documents::history(&console, kind, name, request).await
        };
        let path = format!("/v1/{}", segment(kind));
        router = router
            .route(&path, get(list))
            .route(&format!("{path}/{{name}}"), get(read).put(put).delete(delete))
            .route(&format!("{path}/{{name}}/history"), get(history));
    }
    router
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .fallback(|| async { Problem::not_found("path", "see the README for the routes") })
        .with_state(console)
}

/// A name in the path, as it came.
type Name = Result<Path<String>, PathRejection>;

/// A kind as it is in paths.
fn segment(kind: Kind) -> &'static str {
    match kind {
        Kind::Channel => "channels",
        Kind::Template => "templates",
        Kind::Schedule => "schedules",
        Kind::Audience => "audiences",
        Kind::Hours => "hours",
    }
}

impl Console {
    fn caller(&self, request: &Request) -> Result<String, Problem> {
        (self.callers)(request.extensions()).ok_or_else(Problem::forbidden)
    }
}
