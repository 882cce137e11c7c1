//! The audit records: entries of the ledger, by day.

use async_trait::async_trait;
use jiff::civil::Date;

use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::ledger;
use super::retention::DAY_S;
use crate::domain::AuditRecord;
use crate::ports::{Audit, Ledger, LedgerEntry, PortError};

/// The partition of a day. The functions' policies in template.yaml name its beginning.
fn partition(day: Date) -> String {
    format!("audit#{day}")
}

impl DynamoStore {
    fn audit_entry(&self, record: &AuditRecord) -> Result<LedgerEntry, PortError> {
        let not_written = || unusable(Table::Ledger, "an audit record cannot be written as JSON");
        let body = serde_json::to_value(record).map_err(|_| not_written())?;
        Ok(LedgerEntry {
            partition: partition(record.day()),
            sort: record.place(),
            body: body.as_object().cloned().ok_or_else(not_written)?,
            expires_at_s: record.at_ms / 1000 + i64::from(self.retention.audit_days) * DAY_S,
        })
    }
}

#[async_trait]
impl Audit for DynamoStore {
    async fn record_begin(&self, record: &AuditRecord) -> Result<(), PortError> {
        self.append(&self.audit_entry(record)?).await
    }

    async fn record_end(&self, record: &AuditRecord) -> Result<(), PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(ledger::to_item(&self.audit_entry(record)?)?))
            .send()
            .await;
        put.map(drop).map_err(|error| unavailable(Table::Ledger, &error))
    }

    async fn audit_records(
        &self,
        day: Date,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, PortError> {
        let mut records = Vec::new();
        let mut after = after.map(str::to_owned);
        // An entry that is no record is left out, and must not end the page.
        while records.len() < limit {
            let wanted = limit - records.len();
            let entries = self.ledger_entries(&partition(day), after.as_deref(), wanted).await?;
            let is_last = entries.len() < wanted;
            after = entries.last().map(|last| last.sort.clone()).or(after);
            for LedgerEntry { sort, body, .. } in entries {
                match serde_json::from_value(serde_json::Value::Object(body)) {
                    Ok(record) => records.push(record),
                    Err(_) => {
                        tracing::error!(%day, sort, "an audit record cannot be read: left out");
                    }
                }
            }
            if is_last {
                break;
            }
        }
        Ok(records)
    }
}
