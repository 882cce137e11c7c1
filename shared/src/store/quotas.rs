//! What producers have used of their quotas and rates: a row of the state table for each.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::dynamo::{DynamoStore, Table};
use super::error::{UNDECODABLE, unavailable, unusable};
use super::item::{Item, number, text};
use crate::ports::{CountWish, Counted, PortError, PutWish, Quotas, Reserved};

/// How long a row is kept after its last change. A missing row means that nothing was counted.
const RETENTION_S: i64 = 3 * 24 * 60 * 60;

/// Only the first requests of a day compete, so more conflicts than this count as an outage.
const TRIES_MAX: u32 = 8;

/// A row of a quota: a day, and how many notifications count on it.
struct DayRow {
    day: String,
    total: u32,
    /// The token of the last count.
    token: String,
}

impl DayRow {
    fn read(item: &Item) -> Result<Self, PortError> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let total = item.get("total").and_then(|total| total.as_n().ok()?.parse().ok());
        match (text("day"), total, text("token")) {
            (Some(day), Some(total), Some(token)) => Ok(Self { day, total, token }),
            _ => Err(unusable(Table::State, UNDECODABLE)),
        }
    }
}

fn token_text(token: u64) -> String {
    format!("{token:016x}")
}

/// What an update of the row came to.
enum Updated {
    /// The day's new count.
    Done(u32),
    /// The condition failed; the row, if there is one.
    Refused(Option<DayRow>),
}

impl DynamoStore {
    async fn update_day(
        &self,
        wish: CountWish<'_>,
        update: &str,
        condition: &str,
        before: Option<u32>,
    ) -> Result<Updated, PortError> {
        let CountWish { producer, day, count, max: _, token } = wish;
        let mut request = self
            .client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", text(format!("quota#{producer}")))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#day", "day")
            .expression_attribute_names("#total", "total")
            .expression_attribute_names("#token", "token")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":today", text(&day.date))
            .expression_attribute_values(":latest", text(&day.latest))
            .expression_attribute_values(":count", number(count))
            .expression_attribute_values(":token", text(token_text(token)))
            .expression_attribute_values(":ttl", number(self.now_s() + RETENTION_S))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(before) = before {
            request = request.expression_attribute_values(":before", number(before));
        }
        match request.send().await {
            Ok(updated) => {
                let row = updated.attributes().map(DayRow::read).transpose()?;
                let row = row.ok_or_else(|| unusable(Table::State, UNDECODABLE))?;
                Ok(Updated::Done(row.total))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Updated::Refused(failed.item().map(DayRow::read).transpose()?))
                }
                _ => Err(unavailable(Table::State, &error)),
            },
        }
    }
}

#[async_trait]
impl Quotas for DynamoStore {
    async fn count(&self, wish: CountWish<'_>) -> Result<Counted, PortError> {
        let Some(before) = wish.max.checked_sub(wish.count) else {
            return Ok(Counted::Refused { total: 0 });
        };
        let days = &wish.day.date..=&wish.day.latest;
        for _ in 0..TRIES_MAX {
            // A row may be of tomorrow: another process's clock is a little ahead, or the quota's zone
            // was changed. It goes on until its day is over.
            let continued = self.update_day(
                wish,
                "SET #total = #total + :count, #token = :token, #ttl = :ttl",
                "#day BETWEEN :today AND :latest AND #total <= :before AND #token <> :token",
                Some(before),
            );
            match continued.await? {
                Updated::Done(total) => return Ok(Counted::Done { total }),
                Updated::Refused(Some(row)) if days.contains(&&row.day) => {
                    // The client has repeated an update whose answer was lost. If another process has
                    // counted in between, the lost one counts, and nobody uses it.
                    let is_own = row.token == token_text(wish.token);
                    let total = row.total;
                    return Ok(if is_own {
                        Counted::Done { total }
                    } else {
                        Counted::Refused { total }
                    });
                }
                Updated::Refused(_) => {}
            }
            let begun = self.update_day(
                wish,
                "SET #day = :today, #total = :count, #token = :token, #ttl = :ttl",
                "attribute_not_exists(#day) OR #day < :today OR #day > :latest",
                None,
            );
            match begun.await? {
                Updated::Done(total) => return Ok(Counted::Done { total }),
                // Another process has begun the day. Its row is continued.
                Updated::Refused(_) => {}
            }
        }
        let detail = format!("{TRIES_MAX} conflicting counts");
        Err(PortError::Unavailable { what: Table::State.as_str(), detail })
    }

    async fn reserve_request(&self, producer: &str, wish: PutWish) -> Result<Reserved, PortError> {
        self.reserve_times(&format!("rate#{producer}"), wish).await
    }
}
