//! Uploads of audiences and their parts, in the members table beside the members.

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{Item, number, text};
use crate::ports::{PortError, Saved, UploadPart, UploadRecord, Uploads};

/// The partition of all uploads' records.
const UPLOADS: &str = "uploads";

/// An upload's id. Names contain no `#`, so no two uploads have the same id.
pub(super) fn upload_id(audience: &str, version: &str) -> String {
    format!("{audience}#{version}")
}

/// The partition of an upload's parts.
fn parts_partition(audience: &str, version: &str) -> String {
    format!("parts#{audience}#{version}")
}

/// A part's sort key: text order is number order.
fn part_key(first_line: u64) -> String {
    format!("{first_line:013}")
}

fn record_key(audience: &str, version: &str) -> Item {
    let id = upload_id(audience, version);
    Item::from([("pk".to_owned(), text(UPLOADS)), ("id".to_owned(), text(id))])
}

fn upload_record(item: &Item) -> Result<UploadRecord, PortError> {
    let id = item.get("id").and_then(|id| id.as_s().ok());
    let used_at_ms = item.get("used_at_ms").and_then(|at| at.as_n().ok());
    let (Some((audience, version)), Some(used_at_ms)) = (
        id.and_then(|id| id.split_once('#')),
        used_at_ms.and_then(|used_at_ms| used_at_ms.parse().ok()),
    ) else {
        return Err(unusable(Table::Members, "an upload's record does not decode"));
    };
    Ok(UploadRecord {
        audience: audience.to_owned(),
        version: version.to_owned(),
        used_at_ms,
        is_being_discarded: item.contains_key("is_being_discarded"),
    })
}

/// Whether the condition of an update held.
fn saved<T>(sent: Result<T, SdkError<UpdateItemError>>) -> Result<Saved, PortError> {
    let Err(error) = sent else { return Ok(Saved::Done) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Saved::Conflict),
        _ => Err(unavailable(Table::Members, &error)),
    }
}

#[async_trait]
impl Uploads for DynamoStore {
    async fn record_part(
        &self,
        audience: &str,
        version: &str,
        part: &UploadPart,
    ) -> Result<Saved, PortError> {
        // `is_stored` and `is_last` never return to false, even if a client repeats an earlier
        // request.
        let (members, is_stored) = if part.is_stored {
            (":members", ":yes")
        } else {
            ("if_not_exists(#members, :members)", "if_not_exists(#is_stored, :no)")
        };
        let is_last = if part.is_last { ":yes" } else { "if_not_exists(#is_last, :no)" };
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.members)
            .key("pk", text(parts_partition(audience, version)))
            .key("id", text(part_key(part.first_line)))
            .update_expression(format!(
                "SET #first_line = :first_line, #lines = :lines, #digest = :digest, \
                 #members = {members}, #is_stored = {is_stored}, #is_last = {is_last}"
            ))
            .condition_expression("attribute_not_exists(pk) OR #digest = :digest");
        let names = ["first_line", "lines", "digest", "members", "is_stored", "is_last"];
        let update = names.into_iter().fold(update, |update, name| {
            update.expression_attribute_names(format!("#{name}"), name)
        });
        let flags = [(":yes", true), (":no", false)];
        // DynamoDB refuses values that the expression does not use.
        let used = flags
            .into_iter()
            .filter(|(flag, _)| is_stored.contains(flag) || is_last.contains(flag));
        let update = used.fold(update, |update, (flag, value)| {
            update.expression_attribute_values(flag, AttributeValue::Bool(value))
        });
        let sent = update
            .expression_attribute_values(":first_line", number(part.first_line))
            .expression_attribute_values(":lines", number(part.lines))
            .expression_attribute_values(":digest", text(&part.digest))
            .expression_attribute_values(":members", number(part.members))
            .send()
            .await;
        saved(sent)
    }

    async fn parts(&self, audience: &str, version: &str) -> Result<Vec<UploadPart>, PortError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.members)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(parts_partition(audience, version)))
            .into_paginator()
            .items()
            .send();
        let mut parts = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| unavailable(Table::Members, &error))?;
            let part = serde_dynamo::from_item(item);
            parts.push(part.map_err(|_| unusable(Table::Members, UNDECODABLE))?);
        }
        Ok(parts)
    }

    async fn record_use(
        &self,
        audience: &str,
        version: &str,
        at_ms: i64,
    ) -> Result<Saved, PortError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.tables.members)
            .set_key(Some(record_key(audience, version)))
            .update_expression("SET used_at_ms = :at")
            .condition_expression("attribute_not_exists(is_being_discarded)")
            .expression_attribute_values(":at", number(at_ms))
            .send()
            .await;
        saved(sent)
    }

    async fn uploads(
        &self,
        after: Option<&UploadRecord>,
        limit: usize,
    ) -> Result<Vec<UploadRecord>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.members)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", text(UPLOADS));
        let query = match after {
            None => query.key_condition_expression("pk = :pk"),
            Some(after) => {
                let after = upload_id(&after.audience, &after.version);
                query
                    .key_condition_expression("pk = :pk AND id > :after")
                    .expression_attribute_values(":after", text(after))
            }
        };
        let page = query.send().await.map_err(|error| unavailable(Table::Members, &error))?;
        page.items.unwrap_or_default().iter().map(upload_record).collect()
    }

    async fn begin_discarding(&self, record: &UploadRecord) -> Result<Saved, PortError> {
        let marked = self
            .client
            .update_item()
            .table_name(&self.tables.members)
            .set_key(Some(record_key(&record.audience, &record.version)))
            .update_expression("SET is_being_discarded = :yes")
            .condition_expression("used_at_ms = :used")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":used", number(record.used_at_ms))
            .send()
            .await;
        saved(marked)
    }

    async fn delete_upload_record(&self, audience: &str, version: &str) -> Result<(), PortError> {
        let partition = parts_partition(audience, version);
        let mut keys: Vec<Item> = self
            .parts(audience, version)
            .await?
            .iter()
            .map(|part| {
                let id = part_key(part.first_line);
                Item::from([("pk".to_owned(), text(&partition)), ("id".to_owned(), text(id))])
            })
            .collect();
        // The record goes last: as long as it exists, a later round finds the upload again.
        keys.push(record_key(audience, version));
        self.delete_members_items(&keys).await
    }
}
