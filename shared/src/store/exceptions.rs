//! The exceptions index of the notifications table.

use async_trait::async_trait;

use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::{Item, text};
use crate::domain::ExceptionFilter;
use crate::domain::agenda::{id_in, just_after};
use crate::ports::{ExceptionEntry, ExceptionPage, Exceptions, PortError};

/// Sorts behind every sort key, and before no key that begins with a time.
const END: &str = "~";

fn entry(item: &Item) -> Option<ExceptionEntry> {
    let read = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let sort = read("exception_sk")?;
    let status = serde_json::Value::String(read("status")?.clone());
    Some(ExceptionEntry {
        id: id_in(sort)?.parse().ok()?,
        sort: sort.clone(),
        status: serde_json::from_value(status).ok()?,
        reason: read("reason_name").cloned(),
        template: read("template")?.clone(),
    })
}

#[async_trait]
impl Exceptions for DynamoStore {
    async fn exceptions(
        &self,
        filter: &ExceptionFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ExceptionPage, PortError> {
        let mut page = ExceptionPage::default();
        let first = filter.first_sort().unwrap_or_default();
        let from = after.map(just_after).unwrap_or_default().max(first);
        // BETWEEN includes its upper end. Sort keys end in an id, so none equals the end.
        let until = filter.end_sort().unwrap_or_else(|| END.to_owned());
        if limit == 0 || from >= until {
            return Ok(page);
        }
        let condition = "exception_pk = :channel AND exception_sk BETWEEN :from AND :until";
        let query = self
            .client
            .query()
            .table_name(&self.tables.notifications)
            .index_name("exceptions")
            .key_condition_expression(condition)
            .expression_attribute_values(":channel", text(&filter.channel))
            .expression_attribute_values(":from", text(if from.is_empty() { "0" } else { &from }))
            .expression_attribute_values(":until", text(&until));
        let mut unreadable = 0_usize;
        let mut start = None;
        // One answer holds 1 MB at most.
        while page.read < limit {
            let left = i32::try_from(limit - page.read).unwrap_or(i32::MAX);
            let answer = query.clone().limit(left).set_exclusive_start_key(start).send().await;
            let answer = answer.map_err(|error| unavailable(Table::Notifications, &error))?;
            for item in answer.items.unwrap_or_default() {
                page.read += 1;
                match entry(&item) {
                    Some(found)
                        if filter.takes(found.status, found.reason.as_deref(), &found.template) =>
                    {
                        page.entries.push(found);
                    }
                    Some(_) => {}
                    None => unreadable += 1,
                }
            }
            start = answer.last_evaluated_key;
            let Some(last) = &start else { break };
            page.next = last.get("exception_sk").and_then(|sort| sort.as_s().ok()).cloned();
        }
        if start.is_none() {
            page.next = None;
        }
        if unreadable > 0 {
            tracing::error!(
                metric = "unreadable_rows",
                count = unreadable,
                channel = %filter.channel,
                "entries of the exceptions cannot be read and are left out: deploy the version that \
                 wrote them"
            );
        }
        Ok(page)
    }
}
