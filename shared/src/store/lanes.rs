//! Leases of lanes: one row for each channel in the state table.
//!
//! Every write changes single attributes, so attributes that a newer version of the code added to a
//! row survive. No write changes a row of a higher schema.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{Item, number, text};
use super::row_versions::{refuse_newer, schema_of, undecodable};
use crate::domain::PacerPosition;
use crate::ports::{
    Acquired, ExpiredLease, LaneState, Lanes, Lease, LeaseTerms, OpenDrain, PortError, Saved,
    WakeGroup,
};

/// A lane's row. Each holder has a new fence, so the fence identifies the holder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct LaneRow {
    /// Rows of the first shape have none.
    #[serde(default)]
    schema: u16,
    fence: u64,
    /// A random number, by which a sender recognises its own write.
    holder: u64,
    /// When the present holder took the lease.
    #[serde(default)]
    taken_at_ms: i64,
    /// The earliest time of a claim that nobody has recovered.
    since_ms: i64,
    /// When the lease expires; `None` when it was given back.
    until_ms: Option<i64>,
    confirm_within_ms: i64,
    /// The message group of the wake that started the holder.
    #[serde(default)]
    group: Option<WakeGroup>,
    position: PacerPosition,
    /// The open drains by fence. Rows of the first shape have no such map.
    #[serde(default)]
    drains: Option<BTreeMap<u64, DrainEntry>>,
}

/// An open drain in a lane's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DrainEntry {
    began_at_ms: i64,
    confirm_within_ms: i64,
}

impl LaneRow {
    /// The schema that this version of the code writes.
    const SCHEMA: u16 = 1;

    fn state(&self) -> LaneState {
        let drains = self.drains.iter().flatten();
        LaneState {
            position: self.position,
            leased_until_ms: self.until_ms,
            open_drains: drains
                .map(|(fence, drain)| OpenDrain {
                    fence: *fence,
                    began_at_ms: drain.began_at_ms,
                    confirm_within_ms: drain.confirm_within_ms,
                })
                .collect(),
        }
    }
}

/// How long the agenda may take to show the work that a wake announces, plus the difference between
/// two clocks. A sender that took the lane later than this after a wake has seen its work.
const INDEX_DELAY_MS: i64 = 5_000;

fn key(channel: &str) -> String {
    format!("lane#{channel}")
}

fn attribute(value: impl Serialize) -> Result<AttributeValue, PortError> {
    serde_dynamo::to_attribute_value(value).map_err(|_| unusable(Table::State, UNDECODABLE))
}

/// What a new holder writes into the lane's row.
struct Taken {
    fence: u64,
    since_ms: i64,
    terms: LeaseTerms,
}

/// What a conditional update of a lane's row did.
enum Updated {
    Done,
    /// The condition failed; the row as it is stored.
    Refused(Item),
}

impl DynamoStore {
    async fn lane_row(&self, channel: &str) -> Result<Option<LaneRow>, PortError> {
        let Some(item) = self.state_row(key(channel)).await? else { return Ok(None) };
        let schema = schema_of(&item);
        let row = serde_dynamo::from_item(item);
        row.map(Some).map_err(|_| undecodable(Table::State, schema, LaneRow::SCHEMA))
    }

    /// An update of a lane's row on a condition, and on the condition that no newer version of the
    /// code has written the row.
    fn lane_update(&self, channel: &str, condition: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", text(key(channel)))
            .condition_expression(format!(
                "{condition} AND (attribute_not_exists(#schema) OR #schema <= :schema)"
            ))
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":schema", number(LaneRow::SCHEMA))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Takes the lease on the condition that the row is still as it was read: a holder that lives
    /// may have renewed the lease since, and another sender may have taken it.
    async fn take_lease(
        &self,
        channel: &str,
        taken: &Taken,
        read: Option<&LaneRow>,
    ) -> Result<Updated, PortError> {
        let condition = match read {
            None => "attribute_not_exists(pk)",
            Some(LaneRow { until_ms: None, .. }) => {
                "fence = :read_fence AND attribute_not_exists(until_ms)"
            }
            Some(LaneRow { until_ms: Some(_), .. }) => {
                "fence = :read_fence AND until_ms = :read_until_ms"
            }
        };
        let drain = attribute(DrainEntry {
            began_at_ms: taken.terms.now_ms,
            confirm_within_ms: taken.terms.confirm_within_ms,
        })?;
        let fence = taken.fence.to_string();
        let update = self.lane_update(channel, condition);
        // A map that exists is not written as a whole: another drain may be closed meanwhile.
        let (drains, update) = if read.is_some_and(|row| row.drains.is_some()) {
            let update = update.expression_attribute_names("#drain", fence);
            ("drains.#drain = :drain", update.expression_attribute_values(":drain", drain))
        } else {
            let drains = AttributeValue::M(Item::from([(fence, drain)]));
            ("drains = :drains", update.expression_attribute_values(":drains", drains))
        };
        let update = match read {
            None => update,
            Some(LaneRow { fence, until_ms, .. }) => {
                let update = update.expression_attribute_values(":read_fence", number(*fence));
                match until_ms {
                    None => update,
                    Some(until_ms) => {
                        update.expression_attribute_values(":read_until_ms", number(*until_ms))
                    }
                }
            }
        };
        let update = update
            .update_expression(format!(
                "SET fence = :fence, holder = :holder, taken_at_ms = :taken_at_ms, \
                 since_ms = :since_ms, until_ms = :until_ms, \
                 confirm_within_ms = :confirm_within_ms, #group = :group, \
                 #position = if_not_exists(#position, :position), #schema = :schema, {drains}"
            ))
            .expression_attribute_names("#group", "group")
            .expression_attribute_names("#position", "position")
            .expression_attribute_values(":fence", number(taken.fence))
            .expression_attribute_values(":holder", number(taken.terms.holder))
            .expression_attribute_values(":taken_at_ms", number(taken.terms.now_ms))
            .expression_attribute_values(":since_ms", number(taken.since_ms))
            .expression_attribute_values(":until_ms", number(taken.terms.until_ms))
            .expression_attribute_values(
                ":confirm_within_ms",
                number(taken.terms.confirm_within_ms),
            )
            .expression_attribute_values(":group", attribute(taken.terms.group)?)
            .expression_attribute_values(":position", attribute(PacerPosition::default())?);
        updated(update.send().await)
    }

    async fn update_lease(
        &self,
        lease: &Lease,
        position: PacerPosition,
        until_ms: Option<i64>,
    ) -> Result<Saved, PortError> {
        let condition = match until_ms {
            // The client may repeat a renewal late; it must not undo a release.
            Some(_) => "fence = :fence AND attribute_exists(until_ms)",
            None => "fence = :fence",
        };
        let update = self
            .lane_update(&lease.channel, condition)
            .expression_attribute_names("#position", "position")
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":position", attribute(position)?);
        let update = match until_ms {
            Some(until_ms) => update
                .update_expression("SET #position = :position, until_ms = :until_ms")
                .expression_attribute_values(":until_ms", number(until_ms)),
            None => update.update_expression("SET #position = :position REMOVE until_ms"),
        };
        Ok(match updated(update.send().await)? {
            Updated::Done => Saved::Done,
            Updated::Refused(_) => Saved::Conflict,
        })
    }
}

fn updated<T>(sent: Result<T, SdkError<UpdateItemError>>) -> Result<Updated, PortError> {
    let Err(error) = sent else { return Ok(Updated::Done) };
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
            Ok(Updated::Refused(failed.item().cloned().unwrap_or_default()))
        }
        _ => Err(unavailable(Table::State, &error)),
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
        if let Some(row) = &read {
            if !terms.despite_pause
                && let Some(until_ms) = row.state().must_wait_until_ms(terms.now_ms)
            {
                return Ok(Acquired::MustWait { until_ms });
            }
            refuse_newer(Table::State, row.schema, LaneRow::SCHEMA)?;
        }
        let taken = Taken {
            fence: read.as_ref().map_or(1, |row| row.fence + 1),
            // Only a holder that gives the lease back leaves no claims. If the last one did not,
            // claims of all its expired predecessors may be left too.
            since_ms: read
                .as_ref()
                .filter(|row| row.until_ms.is_some())
                .map_or(terms.now_ms, |row| row.since_ms),
            terms,
        };
        if let Updated::Refused(stored) = self.take_lease(channel, &taken, read.as_ref()).await?
            // The client repeats an update whose response was lost, and then meets its own write.
            && stored.get("holder") != Some(&number(terms.holder))
        {
            return Ok(Acquired::Held);
        }
        Ok(Acquired::Leased(Lease {
            channel: channel.to_owned(),
            fence: taken.fence,
            position: read.as_ref().map_or_else(PacerPosition::default, |row| row.position),
            predecessor: read.and_then(|row| {
                row.until_ms.map(|until_ms| ExpiredLease {
                    unrecovered_since_ms: row.since_ms,
                    lease_until_ms: until_ms,
                    confirm_within_ms: row.confirm_within_ms,
                    group: row.group,
                })
            }),
        }))
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

    async fn close_drain(&self, channel: &str, fence: u64) -> Result<(), PortError> {
        let update = self
            .lane_update(channel, "attribute_exists(drains)")
            .update_expression("REMOVE drains.#drain")
            .expression_attribute_names("#drain", fence.to_string());
        match updated(update.send().await)? {
            Updated::Done => Ok(()),
            // A row without the map, or no row at all, has no open drain.
            Updated::Refused(row) => refuse_newer(Table::State, schema_of(&row), LaneRow::SCHEMA),
        }
    }

    async fn lane_state(&self, channel: &str) -> Result<Option<LaneState>, PortError> {
        Ok(self.lane_row(channel).await?.map(|row| row.state()))
    }
}
