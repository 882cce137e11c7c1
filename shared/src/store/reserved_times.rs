//! Reservations of evenly spaced times: a row of the state table has the next free time.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::dynamo::{DynamoStore, Table};
use super::error::{unavailable, unusable};
use super::item::{Item, number, text};
use crate::ports::{PortError, PutWish, Reserved};

/// No caller reserves times that lie so far ahead. A row that says so was written by a machine whose
/// clock was wrong, and it would stop all callers until that time.
const AHEAD_MAX_US: i64 = 60_000_000;

/// How long a row is kept after its last use. A missing row means that every time is free.
const RETENTION_S: i64 = 24 * 60 * 60;

/// Other callers change the row between two tries. More conflicts than this count as an outage.
const TRIES_MAX: u32 = 8;

/// What an update of the row came to.
enum Updated {
    /// The next free time from now on.
    Done { next_us: i64 },
    /// The condition failed; the next free time, if there is a row.
    Refused { next_us: Option<i64> },
}

impl DynamoStore {
    /// Reserves the times of a row.
    pub(super) async fn reserve_times(
        &self,
        key: &str,
        wish: PutWish,
    ) -> Result<Reserved, PortError> {
        let PutWish { count, spacing_us, earliest_us, latest_us } = wish;
        let reserved_us = i64::from(count) * spacing_us;
        let nonsense_us = earliest_us + AHEAD_MAX_US;
        let latest_us = latest_us.map_or(nonsense_us, |latest_us| latest_us.min(nonsense_us));
        for _ in 0..TRIES_MAX {
            // While several callers use the row, this one update suffices, and none of them fails
            // because of another one. A lost answer, after which the client repeats the update, costs
            // unused times.
            let continued = self.move_next(
                key,
                "SET next_at_us = next_at_us + :reserved, #ttl = :ttl",
                "next_at_us BETWEEN :earliest AND :latest",
                [(":reserved", reserved_us), (":earliest", earliest_us), (":latest", latest_us)],
            );
            match continued.await? {
                Updated::Done { next_us } => {
                    return Ok(Reserved::From { at_us: next_us - reserved_us });
                }
                Updated::Refused { next_us: Some(next_us) }
                    if (latest_us..=nonsense_us).contains(&next_us) =>
                {
                    return Ok(Reserved::TooLate { next_us });
                }
                Updated::Refused { .. } => {}
            }
            let restarted = self.move_next(
                key,
                "SET next_at_us = :next, #ttl = :ttl",
                "attribute_not_exists(next_at_us) OR next_at_us < :earliest \
                 OR next_at_us > :nonsense",
                [
                    (":next", earliest_us + reserved_us),
                    (":earliest", earliest_us),
                    (":nonsense", nonsense_us),
                ],
            );
            match restarted.await? {
                Updated::Done { .. } => return Ok(Reserved::From { at_us: earliest_us }),
                // Another caller was faster. Its row is continued.
                Updated::Refused { .. } => {}
            }
        }
        let detail = format!("{TRIES_MAX} conflicting reservations");
        Err(PortError::Unavailable { what: Table::State.as_str(), detail })
    }

    /// Moves the next free time of a row on a condition.
    async fn move_next(
        &self,
        key: &str,
        update: &str,
        condition: &str,
        values: [(&str, i64); 3],
    ) -> Result<Updated, PortError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", text(key))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number(self.now_s() + RETENTION_S))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in values {
            request = request.expression_attribute_values(name, number(value));
        }
        match request.send().await {
            Ok(updated) => {
                let next_us = updated.attributes().and_then(next_us_in);
                next_us
                    .map(|next_us| Updated::Done { next_us })
                    .ok_or_else(|| unusable(Table::State, "a row of times without the next one"))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Updated::Refused { next_us: failed.item().and_then(next_us_in) })
                }
                _ => Err(unavailable(Table::State, &error)),
            },
        }
    }
}

fn next_us_in(item: &Item) -> Option<i64> {
    item.get("next_at_us")?.as_n().ok()?.parse().ok()
}
