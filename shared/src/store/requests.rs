//! Records of bulk requests, in the state table.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;

use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::item::{number, text};
use crate::ports::{PortError, Requests};

#[async_trait]
impl Requests for DynamoStore {
    async fn remember(
        &self,
        request_id: &str,
        digest: &str,
        at_ms: i64,
    ) -> Result<Option<String>, PortError> {
        let now_s = at_ms / 1000;
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.state)
            .item("pk", text(format!("request#{request_id}")))
            .item("digest", text(digest))
            .item("ttl", number(now_s + self.retention.request_s()))
            .condition_expression("attribute_not_exists(pk) OR #ttl < :now_s")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now_s", number(now_s))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else { return Ok(None) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => failed
                .item()
                .and_then(|item| item.get("digest"))
                .and_then(|digest| digest.as_s().ok())
                .map(|digest| Some(digest.clone()))
                .ok_or_else(|| unusable(Table::State, "a request without a digest")),
            _ => Err(unavailable(Table::State, &error)),
        }
    }

    async fn recall(&self, request_id: &str) -> Result<Option<String>, PortError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.state)
            .key("pk", text(format!("request#{request_id}")))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(Table::State, &error))?;
        let Some(item) = found.item.filter(|item| !self.is_past_retention(item)) else {
            return Ok(None);
        };
        match item.get("digest").and_then(|digest| digest.as_s().ok()) {
            Some(digest) => Ok(Some(digest.clone())),
            None => Err(unusable(Table::State, "a request without a digest")),
        }
    }
}
