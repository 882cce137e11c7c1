//! Window classes of lanes: one row for each channel in the state table.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;

use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::text;
use crate::domain::WindowClass;
use crate::ports::{PortError, WindowClasses};

fn key(channel: &str) -> String {
    format!("classes#{channel}")
}

#[async_trait]
impl WindowClasses for DynamoStore {
    async fn add_class(&self, channel: &str, class: &WindowClass) -> Result<(), PortError> {
        if class.is_exempt() {
            return Ok(());
        }
        let known = (channel.to_owned(), class.to_string());
        // Classes are never removed, so a class that was stored once still is.
        if self.known_classes().contains(&known) {
            return Ok(());
        }
        self.client
            .update_item()
            .table_name(&self.tables.state)
            .key("pk", text(key(channel)))
            .update_expression("ADD #classes :class")
            .expression_attribute_names("#classes", "classes")
            .expression_attribute_values(":class", AttributeValue::Ss(vec![known.1.clone()]))
            .send()
            .await
            .map_err(|error| unavailable(Table::State, &error))?;
        self.known_classes().insert(known);
        Ok(())
    }

    async fn classes(&self, channel: &str) -> Result<Vec<WindowClass>, PortError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.state)
            .key("pk", text(key(channel)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(Table::State, &error))?;
        let texts = found
            .item
            .as_ref()
            .and_then(|item| item.get("classes"))
            .and_then(|classes| classes.as_ss().ok())
            .cloned()
            .unwrap_or_default();
        Ok(texts
            .iter()
            .filter_map(|text| match text.parse() {
                Ok(class) => Some(class),
                Err(error) => {
                    tracing::error!(
                        channel,
                        %error,
                        "a window class cannot be read: its messages do not leave; remove this \
                         text from the row classes#<channel>"
                    );
                    None
                }
            })
            .collect())
    }
}
