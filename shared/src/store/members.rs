//! Members of audiences that were uploaded: one item each, by upload; and the parts that an upload
//! came in.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use serde::{Deserialize, Serialize};

use super::{DynamoStore, Item, corrupt, number, text, unavailable};
use crate::domain::audience::file::Member;
use crate::ports::scheduling::{
    MemberSaved, Members, StoredMember, UploadNote, UploadPart, Uploads,
};
use crate::ports::{PortError, Saved};

const WHAT: &str = "the members table";

/// What DynamoDB deletes in one request.
const BATCH: usize = 25;

/// Tries of a batch that DynamoDB takes only in part.
const TRIES: u32 = 8;

#[derive(Serialize, Deserialize)]
struct MemberRow {
    pk: String,
    id: String,
    line: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

/// Names have no `#` in them, so no two uploads share a partition.
fn members_of(audience: &str, version: &str) -> String {
    format!("{audience}#{version}")
}

fn parts_of(audience: &str, version: &str) -> String {
    format!("parts#{audience}#{version}")
}

/// The partition of what is known of uploads.
const UPLOADS: &str = "uploads";

fn note_key(audience: &str, version: &str) -> Item {
    let id = members_of(audience, version);
    Item::from([("pk".to_owned(), text(UPLOADS)), ("id".to_owned(), text(id))])
}

fn note(item: &Item) -> Result<UploadNote, PortError> {
    let id = item.get("id").and_then(|id| id.as_s().ok());
    let used_at_ms = item.get("used_at_ms").and_then(|at| at.as_n().ok());
    let (Some((audience, version)), Some(used_at_ms)) = (
        id.and_then(|id| id.split_once('#')),
        used_at_ms.and_then(|used_at_ms| used_at_ms.parse().ok()),
    ) else {
        return Err(corrupt(WHAT, "a note of an upload does not decode"));
    };
    Ok(UploadNote {
        audience: audience.to_owned(),
        version: version.to_owned(),
        used_at_ms,
        is_discarded: item.contains_key("is_discarded"),
    })
}

/// Whether a conditional update held.
fn saved<T>(sent: Result<T, SdkError<UpdateItemError>>) -> Result<Saved, PortError> {
    let Err(error) = sent else { return Ok(Saved::Done) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Saved::Lost),
        _ => Err(unavailable(WHAT, &error)),
    }
}

fn to_item<T: Serialize>(row: &T) -> Result<Item, PortError> {
    serde_dynamo::to_item(row).map_err(|_| corrupt(WHAT, "it does not decode"))
}

impl DynamoStore {
    /// Deletes a batch; what DynamoDB leaves of it is asked for again.
    async fn delete_batch(&self, keys: &[Item]) -> Result<(), PortError> {
        let deletes = keys
            .iter()
            .map(|key| {
                let delete = DeleteRequest::builder().set_key(Some(key.clone())).build();
                let delete = delete.map_err(|_| corrupt(WHAT, "no key"))?;
                Ok(WriteRequest::builder().delete_request(delete).build())
            })
            .collect::<Result<Vec<_>, PortError>>()?;
        let mut left = deletes;
        for attempt in 0..TRIES {
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.tables.members, left)
                .send()
                .await
                .map_err(|error| unavailable(WHAT, &error))?;
            left = answer
                .unprocessed_items
                .and_then(|mut unprocessed| unprocessed.remove(&self.tables.members))
                .unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
        }
        Err(PortError::Unavailable { what: WHAT, detail: "a batch is never taken whole".into() })
    }
}

#[async_trait]
impl Members for DynamoStore {
    async fn put_member(
        &self,
        audience: &str,
        version: &str,
        member: &StoredMember,
    ) -> Result<MemberSaved, PortError> {
        let StoredMember { line, member } = member;
        let row = MemberRow {
            pk: members_of(audience, version),
            id: member.id.clone(),
            line: *line,
            phone: member.phone.clone(),
            timezone: member.timezone.clone(),
            variables: member.variables.clone(),
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.members)
            .set_item(Some(to_item(&row)?))
            // Repeating a line is harmless.
            .condition_expression("attribute_not_exists(pk) OR #line = :line")
            .expression_attribute_names("#line", "line")
            .expression_attribute_values(":line", number(*line))
            .send()
            .await;
        let Err(error) = put else { return Ok(MemberSaved::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(MemberSaved::Doubled),
            _ => Err(unavailable(WHAT, &error)),
        }
    }

    async fn members(
        &self,
        audience: &str,
        version: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredMember>, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.members)
            // A run may begin the moment its audience's upload is complete.
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", text(members_of(audience, version)));
        let query = match after {
            None => query.key_condition_expression("pk = :pk"),
            Some(after) => query
                .key_condition_expression("pk = :pk AND id > :after")
                .expression_attribute_values(":after", text(after)),
        };
        let mut items = query.into_paginator().items().send();
        let mut members = Vec::new();
        while members.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| unavailable(WHAT, &error))?;
            let row: MemberRow =
                serde_dynamo::from_item(item).map_err(|_| corrupt(WHAT, "it does not decode"))?;
            let MemberRow { pk: _, id, line, phone, timezone, variables } = row;
            members.push(StoredMember { line, member: Member { id, phone, timezone, variables } });
        }
        Ok(members)
    }

    async fn discard_members(
        &self,
        audience: &str,
        version: &str,
        limit: usize,
    ) -> Result<usize, PortError> {
        let page = self
            .client
            .query()
            .table_name(&self.tables.members)
            .projection_expression("pk, id")
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(members_of(audience, version)))
            .send()
            .await
            .map_err(|error| unavailable(WHAT, &error))?;
        let keys = page.items.unwrap_or_default();
        for batch in keys.chunks(BATCH) {
            self.delete_batch(batch).await?;
        }
        Ok(keys.len())
    }
}

#[async_trait]
impl Uploads for DynamoStore {
    async fn note_part(
        &self,
        audience: &str,
        version: &str,
        part: &UploadPart,
    ) -> Result<Saved, PortError> {
        // Neither step is ever taken back, whoever repeats an earlier one.
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
            .key("pk", text(parts_of(audience, version)))
            .key("id", text(format!("{:013}", part.first_line)))
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
        let used = flags
            .into_iter()
            .filter(|(flag, _)| is_stored.contains(flag) || is_last.contains(flag));
        let update = used.fold(update, |update, (flag, value)| {
            update.expression_attribute_values(flag, AttributeValue::Bool(value))
        });
        let noted = update
            .expression_attribute_values(":first_line", number(part.first_line))
            .expression_attribute_values(":lines", number(part.lines))
            .expression_attribute_values(":digest", text(&part.digest))
            .expression_attribute_values(":members", number(part.members))
            .send()
            .await;
        saved(noted)
    }

    async fn note_use(
        &self,
        audience: &str,
        version: &str,
        at_ms: i64,
    ) -> Result<Saved, PortError> {
        let noted = self
            .client
            .update_item()
            .table_name(&self.tables.members)
            .set_key(Some(note_key(audience, version)))
            .update_expression("SET used_at_ms = :at")
            .condition_expression("attribute_not_exists(is_discarded)")
            .expression_attribute_values(":at", number(at_ms))
            .send()
            .await;
        saved(noted)
    }

    async fn uploads(
        &self,
        after: Option<&UploadNote>,
        limit: usize,
    ) -> Result<Vec<UploadNote>, PortError> {
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
                let after = members_of(&after.audience, &after.version);
                query
                    .key_condition_expression("pk = :pk AND id > :after")
                    .expression_attribute_values(":after", text(after))
            }
        };
        let page = query.send().await.map_err(|error| unavailable(WHAT, &error))?;
        page.items.unwrap_or_default().iter().map(note).collect()
    }

    async fn begin_discarding(&self, note: &UploadNote) -> Result<Saved, PortError> {
        let marked = self
            .client
            .update_item()
            .table_name(&self.tables.members)
            .set_key(Some(note_key(&note.audience, &note.version)))
            .update_expression("SET is_discarded = :yes")
            .condition_expression("used_at_ms = :used")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":used", number(note.used_at_ms))
            .send()
            .await;
        saved(marked)
    }

    async fn forget_upload(&self, audience: &str, version: &str) -> Result<(), PortError> {
        let pk = parts_of(audience, version);
        let mut keys: Vec<Item> = self
            .parts(audience, version)
            .await?
            .iter()
            .map(|part| {
                let id = format!("{:013}", part.first_line);
                Item::from([("pk".to_owned(), text(&pk)), ("id".to_owned(), text(id))])
            })
            .collect();
        // The note goes last: what is noted is found again.
        keys.push(note_key(audience, version));
        for batch in keys.chunks(BATCH) {
            self.delete_batch(batch).await?;
        }
        Ok(())
    }

    async fn parts(&self, audience: &str, version: &str) -> Result<Vec<UploadPart>, PortError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.members)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(parts_of(audience, version)))
            .into_paginator()
            .items()
            .send();
        let mut parts = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| unavailable(WHAT, &error))?;
            parts.push(
                serde_dynamo::from_item(item).map_err(|_| corrupt(WHAT, "it does not decode"))?,
            );
        }
        Ok(parts)
    }
}
