//! The ledger: records of events and of operators' actions, in order of time.

use async_trait::async_trait;

use super::error::PortError;

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    /// What the entry is listed under, such as `audit#2026-03-02`.
    pub partition: String,
    /// The entry's place in its partition, such as a time and an id. An entry with the same place
    /// is the same entry.
    pub sort: String,
    pub body: serde_json::Map<String, serde_json::Value>,
    /// When the entry is deleted, in Unix seconds.
    pub expires_at_s: i64,
}

#[async_trait]
pub trait Ledger: Send + Sync {
    /// Stores an entry, unless its place is taken. Repeating this stores it once.
    async fn append(&self, entry: &LedgerEntry) -> Result<(), PortError>;

    /// The entries of a partition in order, starting behind `after`.
    async fn ledger_entries(
        &self,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<LedgerEntry>, PortError>;
}
