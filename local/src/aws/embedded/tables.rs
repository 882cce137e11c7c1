//! New databases with the template's tables.

use alimi::store::Tables;
use dynoxide::Database;
use serde_json::{Value, json};

use super::error::EmbeddedError;
use super::template::template_tables;

/// The names of the embedded tables, which are their logical ids in the template.
#[must_use]
pub fn tables() -> Tables {
    Tables {
        notifications: "NotificationsTable".to_owned(),
        catalog: "CatalogTable".to_owned(),
        state: "StateTable".to_owned(),
        members: "MembersTable".to_owned(),
        runs: "RunsTable".to_owned(),
    }
}

/// A new database in memory with the template's tables.
///
/// # Errors
/// [`EmbeddedError`].
pub fn database() -> Result<Database, EmbeddedError> {
    create(true)
}

/// A new database without streams, for benchmarks: the embedded database writes to a table more
/// slowly the more records the table's stream has.
///
/// # Errors
/// [`EmbeddedError`].
pub fn database_without_streams() -> Result<Database, EmbeddedError> {
    create(false)
}

fn create(with_streams: bool) -> Result<Database, EmbeddedError> {
    let database = Database::memory()?;
    for (name, properties) in template_tables()? {
        let member = |name: &str| properties.get(name).cloned().unwrap_or(Value::Null);
        let mut create = json!({
            "TableName": name,
            "AttributeDefinitions": member("AttributeDefinitions"),
            "KeySchema": member("KeySchema"),
            "BillingMode": "PAY_PER_REQUEST",
        });
        if let Some(indexes) = properties.get("GlobalSecondaryIndexes") {
            create["GlobalSecondaryIndexes"] = indexes.clone();
        }
        if let Some(stream) = properties.get("StreamSpecification").filter(|_| with_streams) {
            create["StreamSpecification"] = json!({
                "StreamEnabled": true,
                "StreamViewType": stream["StreamViewType"],
            });
        }
        let create = serde_json::from_value(create)
            .map_err(|error| EmbeddedError::Template(format!("{name}: {error}")))?;
        database.create_table(create)?;
        if let Some(ttl) = properties.get("TimeToLiveSpecification") {
            let enable = json!({ "TableName": name, "TimeToLiveSpecification": {
                "Enabled": true,
                "AttributeName": ttl["AttributeName"],
            }});
            let enable = serde_json::from_value(enable)
                .map_err(|error| EmbeddedError::Template(format!("{name}: {error}")))?;
            database.update_time_to_live(enable)?;
        }
    }
    Ok(database)
}
