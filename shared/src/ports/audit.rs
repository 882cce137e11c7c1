//! The records of what operators and producers did.

use async_trait::async_trait;
use jiff::civil::Date;

use super::error::PortError;
use crate::domain::AuditRecord;

#[async_trait]
pub trait Audit: Send + Sync {
    /// Stores the record of a request before the request has its effect. Repeating this stores it
    /// once. A late repetition does not replace the record of the request's end.
    async fn record_begin(&self, record: &AuditRecord) -> Result<(), PortError>;

    /// Stores the record of a request that has been worked on, in the place of the record of its
    /// beginning. Repeating this stores it once.
    async fn record_end(&self, record: &AuditRecord) -> Result<(), PortError>;

    /// The records of a day (UTC) in the order of time, starting behind the place `after`.
    async fn audit_records(
        &self,
        day: Date,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, PortError>;
}
