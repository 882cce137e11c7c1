//! The agenda index of the notifications table.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;

use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::{Item, text};
use crate::domain::agenda::id_in;
use crate::ports::{Agenda, AgendaEntry, PortError};

/// How often unreadable entries of one partition are reported: the sweeper reads a partition once a
/// minute, and a sender reads one many times a second.
const REPORT_EVERY_MS: i64 = 50_000;

fn entry(item: &Item) -> Option<AgendaEntry> {
    let sort = item.get("agenda_sk")?.as_s().ok()?;
    let id = id_in(sort)?.parse().ok()?;
    Some(AgendaEntry { sort: sort.clone(), id })
}

impl DynamoStore {
    fn agenda_query(&self, partition: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.notifications)
            .index_name("agenda")
            .expression_attribute_values(":pk", text(partition))
    }

    /// Reads at most `limit` entries. An entry that cannot be read is reported and left out, and
    /// those behind it are read instead: a page that seems to end there would hide them.
    async fn read_agenda(
        &self,
        partition: &str,
        query: QueryFluentBuilder,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError> {
        let mut entries = Vec::new();
        let mut unreadable = 0;
        let mut start = None;
        loop {
            let left = limit - entries.len();
            let page = query
                .clone()
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable(Table::Notifications, &error))?;
            let items = page.items.unwrap_or_default();
            let known = entries.len();
            entries.extend(items.iter().filter_map(entry));
            let skipped = items.len() - (entries.len() - known);
            unreadable += skipped;
            start = page.last_evaluated_key;
            if skipped == 0 || start.is_none() {
                break;
            }
        }
        if unreadable > 0 && self.is_report_due(partition) {
            tracing::error!(
                metric = "unreadable_rows",
                count = unreadable,
                partition,
                "entries of the agenda cannot be read and are left out: deploy the version that \
                 wrote them"
            );
        }
        Ok(entries)
    }

    fn is_report_due(&self, partition: &str) -> bool {
        let now_ms = self.clock.now_ms();
        let mut reported = self.reported_partitions();
        reported.retain(|_, at_ms| now_ms - *at_ms < REPORT_EVERY_MS);
        let is_due = !reported.contains_key(partition);
        if is_due {
            reported.insert(partition.to_owned(), now_ms);
        }
        is_due
    }
}

#[async_trait]
impl Agenda for DynamoStore {
    async fn entries(
        &self,
        partition: &str,
        from: Option<&str>,
        until: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError> {
        let query = self.agenda_query(partition);
        let query = match (from, until) {
            (None, None) => query.key_condition_expression("agenda_pk = :pk"),
            (Some(from), None) => query
                .key_condition_expression("agenda_pk = :pk AND agenda_sk >= :from")
                .expression_attribute_values(":from", text(from)),
            (None, Some(until)) => query
                .key_condition_expression("agenda_pk = :pk AND agenda_sk < :until")
                .expression_attribute_values(":until", text(until)),
            // BETWEEN includes its upper end. Sort keys end in an id, so none equals `until`.
            (Some(from), Some(until)) => query
                .key_condition_expression("agenda_pk = :pk AND agenda_sk BETWEEN :from AND :until")
                .expression_attribute_values(":from", text(from))
                .expression_attribute_values(":until", text(until)),
        };
        self.read_agenda(partition, query, limit).await
    }

    async fn count_before(
        &self,
        partition: &str,
        before: &str,
        limit: usize,
    ) -> Result<usize, PortError> {
        let query = self
            .agenda_query(partition)
            .select(Select::Count)
            .key_condition_expression("agenda_pk = :pk AND agenda_sk < :before")
            .expression_attribute_values(":before", text(before));
        let mut counted = 0;
        let mut start = None;
        // A page ends after 1 MB, whatever the limit is.
        while counted < limit {
            let left = i32::try_from(limit - counted).unwrap_or(i32::MAX);
            let page = query.clone().limit(left).set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| unavailable(Table::Notifications, &error))?;
            counted += usize::try_from(page.count).unwrap_or(0);
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(counted)
    }

    async fn last_entries(
        &self,
        partition: &str,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError> {
        let query = self
            .agenda_query(partition)
            .key_condition_expression("agenda_pk = :pk")
            .scan_index_forward(false);
        self.read_agenda(partition, query, limit).await
    }
}
