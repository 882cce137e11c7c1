//! What people who try Alimi can watch of a provider.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::arrivals::busiest_second_of_a_channel;
use super::page::page;
use super::provider::{Counts, Simulator};

/// The page loads nothing from elsewhere and runs no script, whatever a message contains.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The routes under `/_sim`, which no real provider has.
pub fn watch(simulator: Arc<Simulator>) -> Router {
    Router::new()
        .route("/_sim", get(phones))
        .route("/_sim/messages.json", get(messages))
        .route("/_sim/arrivals", get(arrivals))
        .route("/_sim/counts", get(counts))
        .with_state(simulator)
}

async fn phones(State(simulator): State<Arc<Simulator>>) -> Response {
    let policy = [(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)];
    (policy, Html(page(&simulator.messages()))).into_response()
}

async fn messages(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    Json(json!({ "messages": simulator.messages() }))
}

async fn counts(State(simulator): State<Arc<Simulator>>) -> Json<Counts> {
    Json(simulator.counts())
}

async fn arrivals(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    let arrivals = simulator.arrivals();
    let shown: Vec<_> = arrivals
        .iter()
        .map(|arrival| {
            json!({
                "at_us": arrival.at_us,
                "kind": arrival.kind,
                "channel": arrival.channel.as_deref(),
                "code": arrival.code,
                "refkey": arrival.reference.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    Json(json!({
        "limit_per_second": simulator.settings.per_second,
        "busiest_second": busiest_second_of_a_channel(&arrivals),
        "arrivals": shown,
    }))
}
