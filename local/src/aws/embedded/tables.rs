//! New databases with the template's tables.

use std::sync::OnceLock;

use alimi::store::Tables;
use dynoxide::Database;
use serde_json::{Value, json};

use super::error::EmbeddedError;
use super::original::Original;
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
        ledger: "LedgerTable".to_owned(),
    }
}

/// A new database in memory with the template's tables.
///
/// # Errors
/// [`EmbeddedError`].
pub fn database() -> Result<Database, EmbeddedError> {
    static TABLES: OnceLock<Original> = OnceLock::new();
    if let Some(tables) = TABLES.get() {
        return tables.copy();
    }
    let tables = Original::new()?;
    create_tables(tables.database(), true)?;
    TABLES.get_or_init(|| tables).copy()
}

/// A database with the template's tables, for copies of what is then added to it. It has no streams,
/// which nobody reads here: the embedded database writes to a table more slowly the more records the
/// table's stream has.
///
/// # Errors
/// [`EmbeddedError`].
pub fn original_without_streams() -> Result<Original, EmbeddedError> {
    let original = Original::new()?;
    create_tables(original.database(), false)?;
    Ok(original)
}

/// A new database without streams, for benchmarks: the embedded database writes to a table more
/// slowly the more records the table's stream has.
///
/// # Errors
/// [`EmbeddedError`].
pub fn database_without_streams() -> Result<Database, EmbeddedError> {
    let database = Database::memory()?;
    create_tables(&database, false)?;
    Ok(database)
}

fn create_tables(database: &Database, with_streams: bool) -> Result<(), EmbeddedError> {
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
    Ok(())
}
