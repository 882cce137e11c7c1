//! Lets operators change the catalog over HTTP, upload the members of audiences, find out what a
//! schedule will do, look at notifications, review them after a restoration, send dead letters again, and
//! see who did what.

mod audit;
mod change;
mod dead_letters;
mod documents;
mod files;
mod function;
mod members;
mod names;
mod notifications;
mod receipt_secrets;
mod restored;
mod schedules;
mod view;

use alimi::http::{Refusals, method_not_allowed, no_such_route, recorded, with_request_ids};
use alimi::ports::Kind;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
use strum::VariantArray as _;

pub use self::documents::DOCUMENT_BYTES_MAX;
pub use self::function::ConsoleFunction;
pub use self::members::UPLOAD_BYTES_MAX;
use self::names::{Name, segment};

pub fn router(console: ConsoleFunction) -> Router {
    let mut router = Router::new()
        .route("/v1/channels/{name}/pause", post(documents::pause))
        .route("/v1/channels/{name}/resume", post(documents::resume))
        .route("/v1/channels/{name}/receipt-secrets", post(receipt_secrets::make))
        .route("/v1/channels/{name}/receipt-secrets/{id}", delete(receipt_secrets::delete))
        .route("/v1/audiences/{name}/members", post(members::upload))
        .route("/v1/audiences/{name}/upload-url", post(files::upload_url))
        .route("/v1/schedules/{name}/preview", get(schedules::preview))
        .route("/v1/schedules/{name}/dry-run", post(schedules::dry_run))
        .route("/v1/schedules/{name}/runs", get(schedules::runs))
        .route("/v1/ops/notifications/{id}", get(notifications::read))
        .route("/v1/ops/restored", post(restored::review))
        .route("/v1/ops/audit", get(audit::list))
        .route("/v1/ops/dead-letters", get(dead_letters::list))
        .route("/v1/ops/dead-letters/redrive", post(dead_letters::redrive_edge))
        .route("/v1/ops/dead-letters/{id}/redrive", post(dead_letters::redrive))
        .route("/v1/ops/notifications/{id}/text", get(notifications::text))
        .route("/v1/ops/notifications/{id}/why", get(notifications::why));
    for &kind in Kind::VARIANTS {
        let list = move |State(console): State<ConsoleFunction>, request: Request| async move {
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
    let complete = router
        .route_layer(from_fn_with_state(audit::recorder(&console), recorded))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_route)
        .with_state(console);
    with_request_ids(complete, Refusals::Logged)
}
