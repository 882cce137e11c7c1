//! Window classes of lanes: one row for each channel in the state table.
//!
//! Each class is an attribute of the row. Its name is the class, and its value is the time of the
//! class's last use. So one update adds a class to a row that may not exist. Rows of earlier versions
//! have a set of classes instead, without times.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::AttributeValue;

use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::{Item, number, text};
use crate::domain::WindowClass;
use crate::ports::{PortError, ReviewPosition, Saved, UsedClass, WindowClasses};

/// How long this process relies on having added a class.
const KNOWN_FOR_MS: i64 = 60 * 60 * 1000;
/// The attribute with the set of classes in rows of earlier versions.
const EARLIER: &str = "classes";
/// Where the review of closed classes goes on.
const REVIEW_CLASS: &str = "review_class";
const REVIEW_FROM: &str = "review_from";

fn key(channel: &str) -> String {
    format!("classes#{channel}")
}

/// The classes of a row with the times of their last use, by name. Only attributes of classes have
/// names with an `@`.
fn classes_in(item: &Item) -> BTreeMap<String, Option<i64>> {
    let earlier = item.get(EARLIER).and_then(|classes| classes.as_ss().ok()).into_iter().flatten();
    let mut classes: BTreeMap<String, Option<i64>> =
        earlier.map(|name| (name.clone(), None)).collect();
    for (name, last_used) in item.iter().filter(|(name, _)| name.contains('@')) {
        let last_used_ms = last_used.as_n().ok().and_then(|ms| ms.parse().ok());
        classes.insert(name.clone(), last_used_ms);
    }
    classes
}

/// Reads a class. A class that cannot be read is reported.
fn read_class(channel: &str, name: &str) -> Option<WindowClass> {
    name.parse()
        .inspect_err(|error| {
            tracing::error!(
                channel,
                %error,
                "a window class cannot be read: its messages do not leave; remove this text from \
                 the row classes#<channel>"
            );
        })
        .ok()
}

#[async_trait]
impl WindowClasses for DynamoStore {
    async fn add_class(&self, channel: &str, class: &WindowClass) -> Result<(), PortError> {
        if class.is_exempt() {
            return Ok(());
        }
        let known = (channel.to_owned(), class.to_string());
        let now_ms = self.clock.now_ms();
        // After a clock was set back, the class is added again.
        let is_known = self
            .known_classes()
            .get(&known)
            .is_some_and(|at_ms| (0..KNOWN_FOR_MS).contains(&(now_ms - at_ms)));
        if is_known {
            return Ok(());
        }
        self.client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", text(key(channel)))
            .update_expression("SET #class = :now")
            .expression_attribute_names("#class", &known.1)
            .expression_attribute_values(":now", number(now_ms))
            .send()
            .await
            .map_err(|error| unavailable(Table::State, &error))?;
        self.known_classes().insert(known, now_ms);
        Ok(())
    }

    async fn used_classes(&self, channel: &str) -> Result<Vec<UsedClass>, PortError> {
        let Some(item) = self.state_row(key(channel)).await? else { return Ok(vec![]) };
        let used = classes_in(&item).into_iter().filter_map(|(name, last_used_ms)| {
            Some(UsedClass { class: read_class(channel, &name)?, last_used_ms })
        });
        Ok(used.collect())
    }

    async fn retire_class(&self, channel: &str, read: &UsedClass) -> Result<Saved, PortError> {
        let Some(last_used_ms) = read.last_used_ms else { return Ok(Saved::Conflict) };
        let name = read.class.to_string();
        let retired = self
            .client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", text(key(channel)))
            .condition_expression("#class = :used")
            .update_expression("REMOVE #class DELETE #earlier :classes")
            .expression_attribute_names("#class", &name)
            .expression_attribute_names("#earlier", EARLIER)
            .expression_attribute_values(":used", number(last_used_ms))
            .expression_attribute_values(":classes", AttributeValue::Ss(vec![name.clone()]))
            .send()
            .await;
        match retired {
            Ok(_) => {
                self.known_classes().remove(&(channel.to_owned(), name));
                Ok(Saved::Done)
            }
            // Also when the client repeats an update whose response was lost.
            Err(SdkError::ServiceError(service))
                if service.err().is_conditional_check_failed_exception() =>
            {
                Ok(Saved::Conflict)
            }
            Err(error) => Err(unavailable(Table::State, &error)),
        }
    }

    async fn review_position(&self, channel: &str) -> Result<Option<ReviewPosition>, PortError> {
        let Some(item) = self.state_row(key(channel)).await? else { return Ok(None) };
        let attribute = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let class = attribute(REVIEW_CLASS).and_then(|name| name.parse().ok());
        Ok(class.map(|class| ReviewPosition { class, from: attribute(REVIEW_FROM).cloned() }))
    }

    async fn save_review_position(
        &self,
        channel: &str,
        position: Option<&ReviewPosition>,
    ) -> Result<(), PortError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", text(key(channel)))
            .expression_attribute_names("#class", REVIEW_CLASS)
            .expression_attribute_names("#from", REVIEW_FROM);
        let update = match position {
            None => update.update_expression("REMOVE #class, #from"),
            Some(ReviewPosition { class, from: None }) => update
                .update_expression("SET #class = :class REMOVE #from")
                .expression_attribute_values(":class", text(class.to_string())),
            Some(ReviewPosition { class, from: Some(from) }) => update
                .update_expression("SET #class = :class, #from = :from")
                .expression_attribute_values(":class", text(class.to_string()))
                .expression_attribute_values(":from", text(from)),
        };
        update.send().await.map_err(|error| unavailable(Table::State, &error))?;
        Ok(())
    }
}
