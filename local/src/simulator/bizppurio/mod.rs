//! Bizppurio, by its messaging API v3 document.

mod answers;
mod codes;
mod inquiry;
mod message;
mod token;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

use super::core::{Simulator, watch};

pub use self::codes::TOO_MANY;

/// The provider's routes, and the ones under `/_sim`.
pub fn router(simulator: Arc<Simulator>) -> Router {
    Router::new()
        .route("/v1/token", post(token::token))
        .route("/v3/message", post(message::message))
        .route("/v2/report", post(inquiry::report))
        .with_state(Arc::clone(&simulator))
        .merge(watch(simulator))
}

#[cfg(test)]
mod tests;
