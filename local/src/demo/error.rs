//! Why the demo could not run.

use alimi::domain::hours::BadWindow;
use alimi_catalog::CatalogError;

use super::flow::FlowError;
use crate::aws::embedded::EmbeddedError;
use crate::listen::StartError;

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Start(#[from] StartError),
    /// The example's catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The example's flow, or its file of teachers.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The demo's permitted hours.
    #[error(transparent)]
    Hours(#[from] BadWindow),
    /// The schedule's time, which does not exist in its time zone.
    #[error(transparent)]
    Zone(#[from] jiff::Error),
    #[error("{path} answered with {status}: {body}")]
    UnexpectedAnswer { path: String, status: u16, body: String },
    #[error("the API was not reached: {0}")]
    Api(#[from] reqwest::Error),
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}
