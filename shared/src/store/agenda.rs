//! The agenda index of the notifications table.

use async_trait::async_trait;

use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::item::text;
use crate::domain::agenda::id_in;
use crate::ports::{Agenda, AgendaEntry, PortError};

#[async_trait]
impl Agenda for DynamoStore {
    async fn entries(
        &self,
        partition: &str,
        from: Option<&str>,
        until: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.notifications)
            .index_name("agenda")
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", text(partition));
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
        let page = query.send().await.map_err(|error| unavailable(Table::Notifications, &error))?;
        page.items
            .unwrap_or_default()
            .into_iter()
            .map(|item| {
                let sort =
                    item.get("agenda_sk").and_then(|sort| sort.as_s().ok()).ok_or_else(|| {
                        unusable(Table::Notifications, "an agenda entry without a sort key")
                    })?;
                let id = id_in(sort).and_then(|id| id.parse().ok()).ok_or_else(|| {
                    unusable(Table::Notifications, "an agenda entry without an id")
                })?;
                Ok(AgendaEntry { sort: sort.clone(), id })
            })
            .collect()
    }
}
