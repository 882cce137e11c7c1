//! Reads of the state table, whose rows have a key alone.

use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::{Item, text};
use crate::ports::PortError;

impl DynamoStore {
    /// A row of the state table.
    pub(super) async fn state_row(&self, key: String) -> Result<Option<Item>, PortError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.state)
            .key("pk", text(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(Table::State, &error))?;
        Ok(found.item)
    }
}
