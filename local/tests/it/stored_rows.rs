//! Rows as DynamoDB has them, in its own JSON.

use alimi_local::aws::embedded::tables;
use alimi_local::testing::world::World;
use serde_json::{Value, json};

/// The row of a notification.
///
/// # Panics
/// When there is none.
pub fn row(world: &World, id: &str) -> Value {
    get_row(world, &tables().notifications, &json!({ "id": { "S": id } }))
}

/// The key of a template's revision in the catalog table.
pub fn revision_key(template: &str, revision: u64) -> Value {
    let kind = format!("history#template#{template}");
    json!({ "kind": { "S": kind }, "name": { "S": format!("{revision:010}") } })
}

/// A row of a table.
///
/// # Panics
/// When there is none.
pub fn get_row(world: &World, table: &str, key: &Value) -> Value {
    let get = json!({ "TableName": table, "Key": key });
    let get = serde_json::from_value(get).expect("a request");
    let found = world.database.get_item(get).expect("an answer");
    let mut found = serde_json::to_value(found).expect("JSON");
    let row = found["Item"].take();
    assert!(row.is_object(), "there is no row {key}");
    row
}

/// Stores a row in a table, in place of the row with the same key.
pub fn put_row(world: &World, table: &str, row: &Value) {
    let put = json!({ "TableName": table, "Item": row });
    let put = serde_json::from_value(put).expect("a request");
    world.database.put_item(put).expect("stored");
}

/// Changes the row of a notification, and returns it as it is then.
pub fn change_row(world: &World, id: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut row = row(world, id);
    change(&mut row);
    put_row(world, &tables().notifications, &row);
    row
}

/// All rows of a table, as one text.
pub fn rows(world: &World, table: &str) -> String {
    let scan = serde_json::from_value(json!({ "TableName": table })).expect("a request");
    let page = world.database.scan(scan).expect("an answer");
    let page = serde_json::to_value(page).expect("JSON");
    assert!(page["LastEvaluatedKey"].is_null(), "the table has more than one page");
    page["Items"].to_string()
}
