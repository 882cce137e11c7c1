//! The jobs that decide about many exceptions: entries of the ledger.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;

use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::item::{Item, number, text};
use super::ledger;
use super::retention::DAY_S;
use crate::domain::bulk_job::BulkJob;
use crate::ports::{BulkJobs, LedgerEntry, PortError, Saved};

/// The partition of all jobs. The functions' policies in template.yaml name it.
const PARTITION: &str = "bulk";

impl DynamoStore {
    fn job_item(&self, job: &BulkJob) -> Result<Item, PortError> {
        let not_written = || unusable(Table::Ledger, "a job cannot be written as JSON");
        let body = serde_json::to_value(job).map_err(|_| not_written())?;
        let entry = LedgerEntry {
            partition: PARTITION.to_owned(),
            sort: job.id.clone(),
            body: body.as_object().cloned().ok_or_else(not_written)?,
            expires_at_s: job.created_at_ms / 1000 + i64::from(self.retention.audit_days) * DAY_S,
        };
        let mut item = ledger::to_item(&entry)?;
        item.insert("fence".to_owned(), number(job.fence));
        Ok(item)
    }
}

fn from_item(item: &Item) -> Result<BulkJob, PortError> {
    let body = item.get("body").and_then(|body| body.as_s().ok());
    body.and_then(|body| serde_json::from_str(body).ok())
        .ok_or_else(|| unusable(Table::Ledger, "a job cannot be read"))
}

#[async_trait]
impl BulkJobs for DynamoStore {
    async fn create_job(&self, job: &BulkJob) -> Result<Option<BulkJob>, PortError> {
        let item = self.job_item(job)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#partition)")
            .expression_attribute_names("#partition", "partition")
            .send()
            .await;
        let Err(error) = put else { return Ok(None) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => {
                match self.job(&job.id).await? {
                    // The client repeats a put whose response was lost, and then meets its own write.
                    Some(known) if known == *job => Ok(None),
                    known => Ok(known),
                }
            }
            _ => Err(unavailable(Table::Ledger, &error)),
        }
    }

    async fn job(&self, id: &str) -> Result<Option<BulkJob>, PortError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.ledger)
            .key("partition", text(PARTITION))
            .key("sort", text(id))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(Table::Ledger, &error))?;
        found.item.filter(|item| !self.is_past_retention(item)).as_ref().map(from_item).transpose()
    }

    async fn save_job(&self, job: &BulkJob, fence: u64) -> Result<Saved, PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(self.job_item(job)?))
            .condition_expression("fence = :fence")
            .expression_attribute_values(":fence", number(fence))
            .send()
            .await;
        let Err(error) = put else { return Ok(Saved::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => {
                // The client repeats a put whose response was lost, and then meets its own write.
                let is_own = self.job(&job.id).await?.is_some_and(|stored| stored == *job);
                Ok(if is_own { Saved::Done } else { Saved::Conflict })
            }
            _ => Err(unavailable(Table::Ledger, &error)),
        }
    }

    async fn jobs(&self, from: Option<&str>, limit: usize) -> Result<Vec<BulkJob>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_names("#partition", "partition")
            .expression_attribute_values(":partition", text(PARTITION));
        let query = match from {
            None => query.key_condition_expression("#partition = :partition"),
            Some(from) => query
                .key_condition_expression("#partition = :partition AND #sort >= :from")
                .expression_attribute_names("#sort", "sort")
                .expression_attribute_values(":from", text(from)),
        };
        let mut items = query.into_paginator().items().send();
        let mut jobs = Vec::new();
        while jobs.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| unavailable(Table::Ledger, &error))?;
            if self.is_past_retention(&item) {
                continue;
            }
            match from_item(&item) {
                Ok(job) => jobs.push(job),
                Err(error) => tracing::error!(%error, "a job is left out"),
            }
        }
        Ok(jobs)
    }
}
