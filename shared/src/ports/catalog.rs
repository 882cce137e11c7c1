//! The configuration, as the functions read it.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::{Audience, Channel, HoursConfig, Schedule, Template};

/// The current configuration by name. [`Documents`](super::Documents) is the same data with its
/// revisions, as operators change it.
#[async_trait]
pub trait Catalog: Send + Sync {
    async fn channel(&self, name: &str) -> Result<Option<Channel>, PortError>;

    async fn template(&self, name: &str) -> Result<Option<Template>, PortError>;

    async fn channels(&self) -> Result<Vec<Channel>, PortError>;

    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, PortError>;

    async fn audience(&self, name: &str) -> Result<Option<Audience>, PortError>;

    /// The stack's sending windows; the defaults when none are stored.
    async fn hours(&self) -> Result<HoursConfig, PortError>;
}
