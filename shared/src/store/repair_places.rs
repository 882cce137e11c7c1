//! The places of the sweeper's repairs: one row for each repair in the state table.

use async_trait::async_trait;

use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::{Item, number, text};
use crate::ports::{PortError, Repair, RepairPlaces};

/// How long a place is kept. Without one the repair starts at the beginning, which is always right.
const RETENTION_S: i64 = 24 * 60 * 60;

fn key(repair: Repair) -> String {
    format!("repair#{}", repair.as_str())
}

#[async_trait]
impl RepairPlaces for DynamoStore {
    async fn place(&self, repair: Repair) -> Result<Option<String>, PortError> {
        let Some(item) = self.state_row(key(repair)).await? else { return Ok(None) };
        Ok(item.get("place").and_then(|place| place.as_s().ok()).cloned())
    }

    async fn save_place(&self, repair: Repair, place: Option<&str>) -> Result<(), PortError> {
        let mut item = Item::from([
            ("pk".to_owned(), text(key(repair))),
            ("ttl".to_owned(), number(self.now_s() + RETENTION_S)),
        ]);
        if let Some(place) = place {
            item.insert("place".to_owned(), text(place));
        }
        let put = self.client.put_item().table_name(&self.tables.state).set_item(Some(item));
        put.send().await.map_err(|error| unavailable(Table::State, &error))?;
        Ok(())
    }
}
