//! Members of uploaded audiences: one item for each, in one partition for each upload.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use serde::{Deserialize, Serialize};

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{Item, number, text};
use super::uploads::upload_id;
use crate::domain::audience::file::Member;
use crate::ports::{MemberSaved, Members, PortError, StoredMember};

#[derive(Serialize, Deserialize)]
struct MemberRow {
    /// The upload's id.
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
            pk: upload_id(audience, version),
            id: member.id.clone(),
            line: *line,
            phone: member.phone.clone(),
            timezone: member.timezone.clone(),
            variables: member.variables.clone(),
        };
        let item: Item =
            serde_dynamo::to_item(&row).map_err(|_| unusable(Table::Members, UNDECODABLE))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.members)
            .set_item(Some(item))
            // A repeated upload may store the same line again.
            .condition_expression("attribute_not_exists(pk) OR #line = :line")
            .expression_attribute_names("#line", "line")
            .expression_attribute_values(":line", number(*line))
            .send()
            .await;
        let Err(error) = put else { return Ok(MemberSaved::Done) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(MemberSaved::Duplicate),
            _ => Err(unavailable(Table::Members, &error)),
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
            // A run may begin right after its audience's upload is complete.
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", text(upload_id(audience, version)));
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
            let item = item.map_err(|error| unavailable(Table::Members, &error))?;
            let row: MemberRow =
                serde_dynamo::from_item(item).map_err(|_| unusable(Table::Members, UNDECODABLE))?;
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
            .expression_attribute_values(":pk", text(upload_id(audience, version)))
            .send()
            .await
            .map_err(|error| unavailable(Table::Members, &error))?;
        let keys = page.items.unwrap_or_default();
        self.delete_members_items(&keys).await?;
        Ok(keys.len())
    }
}
