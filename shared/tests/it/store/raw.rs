//! Items as the database has them, read and written past the store.

use std::collections::HashMap;

use alimi_local::aws::embedded;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

pub type Item = HashMap<String, AttributeValue>;

pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// An item in DynamoDB's JSON.
pub fn parse(json: &str) -> Item {
    let item: serde_dynamo::Item = serde_json::from_str(json).expect("an item");
    item.into()
}

/// Writes an item of the notifications table.
pub async fn put(client: &Client, item: Item) {
    let put = client.put_item().table_name(embedded::tables().notifications).set_item(Some(item));
    put.send().await.expect("stored");
}

/// An item of the notifications table.
pub async fn get(client: &Client, id: &str) -> Option<Item> {
    let get = client.get_item().table_name(embedded::tables().notifications).key("id", text(id));
    get.consistent_read(true).send().await.expect("read").item
}

/// The entries of a partition of an index of the notifications table, in order.
pub async fn entries(client: &Client, index: &str, key: &str, partition: &str) -> Vec<Item> {
    let query = client
        .query()
        .table_name(embedded::tables().notifications)
        .index_name(index)
        .key_condition_expression("#key = :partition")
        .expression_attribute_names("#key", key)
        .expression_attribute_values(":partition", text(partition));
    query.send().await.expect("read").items.unwrap_or_default()
}
