//! Leases of lanes: one row for each channel in the state table.

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use serde::{Deserialize, Serialize};

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{Item, number, text};
use crate::domain::PacerPosition;
use crate::ports::{Acquired, ExpiredLease, Lanes, Lease, LeaseTerms, PortError, Saved, WakeGroup};

/// A lane's row. Each holder has a new fence, so the fence identifies the holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LaneRow {
    pk: String,
    fence: u64,
    /// A random number. Without it, two senders that take the lane at once would write equal rows.
    holder: u64,
    /// When the present holder took the lease.
    #[serde(default)]
    taken_at_ms: i64,
    /// The earliest time of a claim that nobody has recovered.
    since_ms: i64,
    /// When the lease expires; `None` when it was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<i64>,
    confirm_within_ms: i64,
    /// The message group of the wake that started the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<WakeGroup>,
    position: PacerPosition,
}

/// How long the agenda may take to show the work that a wake announces, plus the difference between
/// two clocks. A sender that took the lane later than this after a wake has seen its work.
const INDEX_DELAY_MS: i64 = 5_000;

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
            .map_err(|error| unavailable(Table::State, &error))?;
        found
            .item
            .map(|item| {
                serde_dynamo::from_item(item).map_err(|_| unusable(Table::State, UNDECODABLE))
            })
            .transpose()
    }

    /// Writes a lane's row on the condition that its fence and its end are still those of `read`.
    async fn put_lane_row(
        &self,
        row: &LaneRow,
        read: Option<&LaneRow>,
    ) -> Result<Saved, PortError> {
        let item: Item =
            serde_dynamo::to_item(row).map_err(|_| unusable(Table::State, UNDECODABLE))?;
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
                // The client repeats a put whose response was lost, and then meets its own write.
                Some(PutItemError::ConditionalCheckFailedException(failed))
                    if failed.item() == Some(&item) =>
                {
                    Ok(Saved::Done)
                }
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Saved::Conflict),
                _ => Err(unavailable(Table::State, &error)),
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
            .map_err(|_| unusable(Table::State, UNDECODABLE))?;
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
            // The client may repeat a renewal late; it must not undo a release.
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
                Ok(Saved::Conflict)
            }
            Err(error) => Err(unavailable(Table::State, &error)),
        }
    }
}

#[async_trait]
impl Lanes for DynamoStore {
    async fn acquire(&self, channel: &str, terms: LeaseTerms) -> Result<Acquired, PortError> {
        let read = self.lane_row(channel).await?;
        let is_free =
            |row: &LaneRow| row.until_ms.is_none_or(|at| at + terms.skew_ms <= terms.now_ms);
        if let Some(row) = read.as_ref().filter(|row| row.holder == terms.holder) {
            // An earlier try of this caller took the lease, and its response was lost. So is the
            // predecessor's row: what is known of it is what the new row kept.
            let predecessor = (row.since_ms < row.taken_at_ms).then_some(ExpiredLease {
                unrecovered_since_ms: row.since_ms,
                lease_until_ms: row.taken_at_ms,
                confirm_within_ms: row.confirm_within_ms,
                group: None,
            });
            return Ok(Acquired::Leased(Lease {
                channel: channel.to_owned(),
                fence: row.fence,
                position: row.position,
                predecessor,
            }));
        }
        if let Some(row) = &read {
            let has_expired = row.until_ms.is_some() && is_free(row);
            if !has_expired
                && terms
                    .wake_sent_at_ms
                    .is_some_and(|at_ms| at_ms + INDEX_DELAY_MS < row.taken_at_ms)
            {
                return Ok(Acquired::Obsolete);
            }
            if !is_free(row) {
                return Ok(Acquired::Held);
            }
        }
        let row = LaneRow {
            pk: key(channel),
            fence: read.as_ref().map_or(1, |row| row.fence + 1),
            holder: terms.holder,
            taken_at_ms: terms.now_ms,
            // Only a holder that gives the lease back leaves no claims. If the last one did not,
            // claims of all its expired predecessors may be left too.
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
            Saved::Conflict => Ok(Acquired::Held),
            Saved::Done => Ok(Acquired::Leased(Lease {
                channel: channel.to_owned(),
                fence: row.fence,
                position: row.position,
                predecessor: read.and_then(|row| {
                    row.until_ms.map(|until_ms| ExpiredLease {
                        unrecovered_since_ms: row.since_ms,
                        lease_until_ms: until_ms,
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
