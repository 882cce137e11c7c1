//! Leases of lanes: one row a channel in the state table.

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use serde::{Deserialize, Serialize};

use super::{DynamoStore, Item, corrupt, number, text, unavailable};
use crate::domain::PacerPosition;
use crate::ports::{Lanes, Lease, LeaseTerms, LostHolder, PortError, Saved, Taken, WakeGroup};

const WHAT: &str = "the state table";

/// A lane's row. The fence names the holder: each holder has a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LaneRow {
    pk: String,
    fence: u64,
    /// Tells who wrote it from who would have written the same.
    holder: u64,
    /// When it was taken last.
    #[serde(default)]
    taken_at_ms: i64,
    /// Since when claims may have been made that nobody has looked for.
    since_ms: i64,
    /// `None` when the lease was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<i64>,
    confirm_within_ms: i64,
    /// The group of the wake that had its holder started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<WakeGroup>,
    position: PacerPosition,
}

/// How long a lane's index may not show yet what a wake was sent for, clocks' difference included.
const UNSEEN_MS: i64 = 5_000;

fn key(channel: &str) -> String {
    format!("lane#{channel}")
}

impl DynamoStore {
    async fn lane_row(&self, channel: &str) -> Result<Option<LaneRow>, PortError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.state)
            .key("pk", text(key(channel)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(WHAT, &error))?;
        found
            .item
            .map(|item| {
                serde_dynamo::from_item(item).map_err(|_| corrupt(WHAT, "it does not decode"))
            })
            .transpose()
    }

    /// Writes a lane's row on the condition that its holder and its end are still as they were
    /// read.
    async fn put_lane_row(
        &self,
        row: &LaneRow,
        read: Option<&LaneRow>,
    ) -> Result<Saved, PortError> {
        let item: Item =
            serde_dynamo::to_item(row).map_err(|_| corrupt(WHAT, "it does not decode"))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.state)
            .set_item(Some(item.clone()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match read {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(LaneRow { fence, until_ms: None, .. }) => put
                .condition_expression("fence = :fence AND attribute_not_exists(until_ms)")
                .expression_attribute_values(":fence", number(*fence)),
            Some(LaneRow { fence, until_ms: Some(until_ms), .. }) => put
                .condition_expression("fence = :fence AND until_ms = :until_ms")
                .expression_attribute_values(":fence", number(*fence))
                .expression_attribute_values(":until_ms", number(*until_ms)),
        };
        match put.send().await {
            Ok(_) => Ok(Saved::Done),
            Err(error) => match error.as_service_error() {
                // The client repeats a put whose answer was lost, and meets what it wrote.
                Some(PutItemError::ConditionalCheckFailedException(failed))
                    if failed.item() == Some(&item) =>
                {
                    Ok(Saved::Done)
                }
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Saved::Lost),
                _ => Err(unavailable(WHAT, &error)),
            },
        }
    }

    async fn update_lease(
        &self,
        lease: &Lease,
        position: PacerPosition,
        until_ms: Option<i64>,
    ) -> Result<Saved, PortError> {
        let position = serde_dynamo::to_attribute_value(position)
            .map_err(|_| corrupt(WHAT, "it does not decode"))?;
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", text(key(&lease.channel)))
            .condition_expression("fence = :fence")
            .expression_attribute_names("#position", "position")
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":position", position);
        let update = match until_ms {
            // A repetition that comes late must not take back what was given back.
            Some(until_ms) => update
                .condition_expression("fence = :fence AND attribute_exists(until_ms)")
                .update_expression("SET #position = :position, until_ms = :until_ms")
                .expression_attribute_values(":until_ms", number(until_ms)),
            None => update.update_expression("SET #position = :position REMOVE until_ms"),
        };
        match update.send().await {
            Ok(_) => Ok(Saved::Done),
            Err(SdkError::ServiceError(service))
                if service.err().is_conditional_check_failed_exception() =>
            {
                Ok(Saved::Lost)
            }
            Err(error) => Err(unavailable(WHAT, &error)),
        }
    }
}

#[async_trait]
impl Lanes for DynamoStore {
    async fn acquire(&self, channel: &str, terms: LeaseTerms) -> Result<Taken, PortError> {
        let read = self.lane_row(channel).await?;
        let run_out =
            |row: &LaneRow| row.until_ms.is_none_or(|at| at + terms.skew_ms <= terms.now_ms);
        if let Some(row) = read.as_ref().filter(|row| row.holder == terms.holder) {
            // Taken by a try before whose answer was lost, and with it who was there before.
            let lost = (row.since_ms < row.taken_at_ms).then_some(LostHolder {
                since_ms: row.since_ms,
                until_ms: row.taken_at_ms,
                confirm_within_ms: row.confirm_within_ms,
                group: None,
            });
            let (fence, position) = (row.fence, row.position);
            return Ok(Taken::Yes(Lease { channel: channel.to_owned(), fence, position, lost }));
        }
        if let Some(row) = &read {
            let is_lost = row.until_ms.is_some() && run_out(row);
            if !is_lost
                && terms.woken_at_ms.is_some_and(|at_ms| at_ms + UNSEEN_MS < row.taken_at_ms)
            {
                return Ok(Taken::Served);
            }
            if !run_out(row) {
                return Ok(Taken::Held);
            }
        }
        let row = LaneRow {
            pk: key(channel),
            fence: read.as_ref().map_or(1, |row| row.fence + 1),
            holder: terms.holder,
            taken_at_ms: terms.now_ms,
            // Until a holder gives the lease back, there may be claims of all before it.
            since_ms: read
                .as_ref()
                .filter(|row| row.until_ms.is_some())
                .map_or(terms.now_ms, |row| row.since_ms),
            until_ms: Some(terms.until_ms),
            confirm_within_ms: terms.confirm_within_ms,
            group: Some(terms.group),
            position: read.as_ref().map_or_else(PacerPosition::default, |row| row.position),
        };
        match self.put_lane_row(&row, read.as_ref()).await? {
            Saved::Lost => Ok(Taken::Held),
            Saved::Done => Ok(Taken::Yes(Lease {
                channel: channel.to_owned(),
                fence: row.fence,
                position: row.position,
                lost: read.and_then(|row| {
                    row.until_ms.map(|until_ms| LostHolder {
                        since_ms: row.since_ms,
                        until_ms,
                        confirm_within_ms: row.confirm_within_ms,
                        group: row.group,
                    })
                }),
            })),
        }
    }

    async fn renew(
        &self,
        lease: &Lease,
        position: PacerPosition,
        until_ms: i64,
    ) -> Result<Saved, PortError> {
        self.update_lease(lease, position, Some(until_ms)).await
    }

    async fn was_succeeded(&self, lease: &Lease) -> Result<bool, PortError> {
        Ok(self.lane_row(&lease.channel).await?.is_some_and(|row| row.fence > lease.fence))
    }

    async fn release(&self, lease: &Lease, position: PacerPosition) -> Result<Saved, PortError> {
        self.update_lease(lease, position, None).await
    }
}
