//! Dead letters: items of the ledger, by edge and in the order of time. A letter's contents are an
//! attribute of their own, which lists do not read.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{Item, number, text};
use super::retention::DAY_S;
use crate::domain::{DeadLetter, DeadLetterId, Edge};
use crate::ports::{DeadLetterPage, DeadLetters, PortError, Recorded, Saved};

/// The partition of an edge. The functions' policies in template.yaml name its beginning.
fn partition(edge: Edge) -> AttributeValue {
    text(format!("dead#{}", edge.as_str()))
}

fn body_of(letter: &DeadLetter) -> Result<AttributeValue, PortError> {
    let body = serde_json::to_string(letter);
    body.map(text).map_err(|_| unusable(Table::Ledger, "a dead letter cannot be written as JSON"))
}

fn letter_in(item: &Item) -> Option<DeadLetter> {
    serde_json::from_str(item.get("body")?.as_s().ok()?).ok()
}

fn place_in(item: &Item) -> Option<&String> {
    item.get("sort").and_then(|sort| sort.as_s().ok())
}

impl DynamoStore {
    /// One item, or one of its attributes.
    async fn dead_item(&self, id: &DeadLetterId, read: &str) -> Result<Option<Item>, PortError> {
        let got = self
            .client
            .get_item()
            .table_name(&self.tables.ledger)
            .key("partition", partition(id.edge))
            .key("sort", text(id.place()))
            .projection_expression("#read, #ttl")
            .expression_attribute_names("#read", read)
            .expression_attribute_names("#ttl", "ttl")
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(Table::Ledger, &error))?;
        Ok(got.item.filter(|item| !self.is_past_retention(item)))
    }
}

#[async_trait]
impl DeadLetters for DynamoStore {
    async fn record_dead_letter(
        &self,
        letter: &DeadLetter,
        contents: Option<&str>,
    ) -> Result<Recorded, PortError> {
        let kept_s = i64::from(self.retention.exception_days) * DAY_S;
        let mut put = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .item("partition", partition(letter.id.edge))
            .item("sort", text(letter.id.place()))
            .item("body", body_of(letter)?)
            .item("revision", number(letter.revision))
            .item("ttl", number(letter.recorded_at_ms / 1000 + kept_s))
            .condition_expression("attribute_not_exists(#partition)")
            .expression_attribute_names("#partition", "partition");
        if let Some(contents) = contents {
            put = put.item("contents", text(contents));
        }
        let Err(error) = put.send().await else { return Ok(Recorded::New) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Recorded::Known),
            _ => Err(unavailable(Table::Ledger, &error)),
        }
    }

    async fn dead_letter(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>, PortError> {
        let Some(item) = self.dead_item(id, "body").await? else { return Ok(None) };
        letter_in(&item).map(Some).ok_or_else(|| unusable(Table::Ledger, UNDECODABLE))
    }

    async fn dead_letter_contents(&self, id: &DeadLetterId) -> Result<Option<String>, PortError> {
        let item = self.dead_item(id, "contents").await?;
        Ok(item.and_then(|item| item.get("contents")?.as_s().ok().cloned()))
    }

    async fn dead_letters(
        &self,
        edge: Edge,
        after: Option<&str>,
        limit: usize,
    ) -> Result<DeadLetterPage, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .projection_expression("#body, #sort, #ttl")
            .expression_attribute_names("#partition", "partition")
            .expression_attribute_names("#sort", "sort")
            .expression_attribute_names("#body", "body")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":partition", partition(edge));
        let query = match after {
            None => query.key_condition_expression("#partition = :partition"),
            Some(after) => query
                .key_condition_expression("#partition = :partition AND #sort > :after")
                .expression_attribute_values(":after", text(after)),
        };
        // One page of DynamoDB, so that rows past their retention cannot make a request endless.
        let read = query.send().await.map_err(|error| unavailable(Table::Ledger, &error))?;
        let mut page = DeadLetterPage::default();
        if read.last_evaluated_key.is_some() {
            page.end = read.items().last().and_then(place_in).cloned();
        }
        for item in read.items() {
            if self.is_past_retention(item) {
                continue;
            }
            if let Some(letter) = letter_in(item) {
                page.letters.push(letter);
            } else {
                let place = place_in(item);
                tracing::error!(?edge, ?place, "a dead letter cannot be read: left out");
            }
        }
        Ok(page)
    }

    async fn save_dead_letter(&self, letter: &DeadLetter) -> Result<Saved, PortError> {
        let body = body_of(letter)?;
        let update = if letter.has_contents {
            "SET #body = :body, #revision = :revision"
        } else {
            "SET #body = :body, #revision = :revision REMOVE contents"
        };
        let saved = self
            .client
            .update_item()
            .table_name(&self.tables.ledger)
            .key("partition", partition(letter.id.edge))
            .key("sort", text(letter.id.place()))
            .update_expression(update)
            // The client repeats a write whose answer was lost, and then meets its own write.
            .condition_expression(
                "#revision = :before OR (#revision = :revision AND #body = :body)",
            )
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_names("#body", "body")
            .expression_attribute_values(":body", body)
            .expression_attribute_values(":revision", number(letter.revision))
            .expression_attribute_values(":before", number(letter.revision.saturating_sub(1)))
            .send()
            .await;
        let Err(error) = saved else { return Ok(Saved::Done) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Saved::Conflict),
            _ => Err(unavailable(Table::Ledger, &error)),
        }
    }
}
