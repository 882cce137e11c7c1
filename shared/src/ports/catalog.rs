//! The configuration, as the functions read it.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::{Audience, Channel, HoursConfig, Producer, Schedule, Template};

/// A document with the number of its revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revised<T> {
    pub revision: u64,
    pub document: T,
}

/// The producers whose rows can be read, and how many rows cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedProducers {
    pub producers: Vec<Producer>,
    /// The principals and grants of these producers are not known.
    pub unreadable: usize,
}

/// The current configuration by name. [`Documents`](super::Documents) is the same data with its
/// revisions, as operators change it.
#[async_trait]
pub trait Catalog: Send + Sync {
    async fn channel(&self, name: &str) -> Result<Option<Channel>, PortError>;

    async fn template(&self, name: &str) -> Result<Option<Revised<Template>>, PortError>;

    /// A template as it was at a revision, also when it was changed or deleted since.
    async fn template_revision(
        &self,
        name: &str,
        revision: u64,
    ) -> Result<Option<Template>, PortError>;

    /// Every channel that can be read. A row that cannot be read is reported and left out, so that
    /// it stops no other channel.
    async fn channels(&self) -> Result<Vec<Channel>, PortError>;

    async fn producer(&self, name: &str) -> Result<Option<Producer>, PortError>;

    /// Every producer that can be read. A row that cannot be read is reported and counted.
    async fn producers(&self) -> Result<ListedProducers, PortError>;

    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, PortError>;

    async fn audience(&self, name: &str) -> Result<Option<Audience>, PortError>;

    /// The stack's sending windows; the defaults when none are stored.
    async fn hours(&self) -> Result<HoursConfig, PortError>;
}
