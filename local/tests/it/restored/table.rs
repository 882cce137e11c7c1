//! The notifications table, as point-in-time recovery brings it back.

use alimi::ports::Clock;
use alimi_local::aws::embedded::tables;
use alimi_local::testing::world::World;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::stored_rows::put_row;

/// The rows of the table at one moment.
pub struct Snapshot {
    /// The moment, as the review takes it.
    pub taken_at: String,
    rows: Vec<Value>,
}

impl Snapshot {
    pub fn take(world: &World) -> Self {
        let taken_at = Timestamp::from_millisecond(world.clock.now_ms()).expect("a time");
        Self { taken_at: taken_at.to_string(), rows: rows(world) }
    }

    /// Restores the table to this moment.
    pub fn put_back(&self, world: &World) {
        let table = tables().notifications;
        for row in rows(world) {
            let delete = json!({ "TableName": table, "Key": { "id": row["id"] } });
            let delete = serde_json::from_value(delete).expect("a request");
            world.database.delete_item(delete).expect("deleted");
        }
        for row in &self.rows {
            put_row(world, &table, row);
        }
    }
}

fn rows(world: &World) -> Vec<Value> {
    let (mut rows, mut start) = (Vec::new(), Value::Null);
    loop {
        let mut scan = json!({ "TableName": tables().notifications });
        if !start.is_null() {
            scan["ExclusiveStartKey"] = start;
        }
        let scan = serde_json::from_value(scan).expect("a request");
        let page = world.database.scan(scan).expect("an answer");
        let mut page = serde_json::to_value(page).expect("JSON");
        rows.extend(page["Items"].as_array().cloned().unwrap_or_default());
        start = page["LastEvaluatedKey"].take();
        if start.is_null() {
            return rows;
        }
    }
}
