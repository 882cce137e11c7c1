//! Databases with the template's tables.

use std::path::Path;
use std::sync::OnceLock;

use alimi::store::Tables;
use dynoxide::Database;
use serde_json::{Value, json};

use super::capture::capture;
use super::error::EmbeddedError;
use super::original::Original;
use super::stand_in_rows::{self, StandInRows};
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

/// A new database in memory with the template's tables, the changes of those that have a stream, and
/// the rows of the stand-ins.
///
/// # Errors
/// [`EmbeddedError`].
pub fn database() -> Result<Database, EmbeddedError> {
    static TABLES: OnceLock<Original> = OnceLock::new();
    if let Some(tables) = TABLES.get() {
        return tables.copy();
    }
    let tables = original()?;
    TABLES.get_or_init(|| tables).copy()
}

/// As [`database`], for copies of what is then added to it.
///
/// # Errors
/// [`EmbeddedError`].
pub fn original() -> Result<Original, EmbeddedError> {
    let original = Original::new()?;
    create_all(original.database(), original.name())?;
    Ok(original)
}

/// As [`database`], in a file that may exist already. A process that ends, however it ends, loses
/// nothing that was written; a machine that crashes may lose the last seconds.
///
/// # Errors
/// [`EmbeddedError::OtherTable`] when another version's template made the file.
pub fn database_file(file: &Path) -> Result<Database, EmbeddedError> {
    let name = file.to_string_lossy();
    let database = Database::new(&name)?;
    // This also ends the wait for the disk after each write. A local stack makes thousands of writes
    // a second.
    database.enable_bulk_loading()?;
    create_all(&database, &name)?;
    Ok(database)
}

/// A new database in memory with the template's tables alone, for benchmarks: nothing reads the
/// changes there.
///
/// # Errors
/// [`EmbeddedError`].
pub fn database_without_changes() -> Result<Database, EmbeddedError> {
    let database = Database::memory()?;
    for table in template_tables()? {
        create_table(&database, &definition(&table))?;
        enable_ttl(&database, &table)?;
    }
    Ok(database)
}

/// Creates the tables that are missing, and compares the others with the template.
fn create_all(database: &Database, name: &str) -> Result<(), EmbeddedError> {
    const DEFINITIONS: &str = "table";
    if database.get_table_metadata(stand_in_rows::TABLE)?.is_none() {
        create_table(database, &stand_in_rows::definition())?;
    }
    let rows = StandInRows::of(database);
    for table in template_tables()? {
        let definition = definition(&table);
        if database.get_table_metadata(&table.0)?.is_none() {
            create_table(database, &definition)?;
        } else if rows.row::<Value>(DEFINITIONS, &table.0)?.is_some_and(|made| made != definition) {
            return Err(EmbeddedError::OtherTable(table.0));
        }
        enable_ttl(database, &table)?;
        rows.put(DEFINITIONS, &table.0, &definition)?;
    }
    capture(name)
}

/// The request that creates a table. It has no stream: [`capture`] says why.
fn definition((name, properties): &(String, Value)) -> Value {
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
    create
}

fn create_table(database: &Database, definition: &Value) -> Result<(), EmbeddedError> {
    let create = serde_json::from_value(definition.clone()).map_err(|error| {
        EmbeddedError::Template(format!("{}: {error}", definition["TableName"]))
    })?;
    database.create_table(create)?;
    Ok(())
}

/// Enables the removal of expired items, unless it is enabled.
fn enable_ttl(
    database: &Database,
    (name, properties): &(String, Value),
) -> Result<(), EmbeddedError> {
    let Some(ttl) = properties.get("TimeToLiveSpecification") else { return Ok(()) };
    if database.get_table_metadata(name)?.is_some_and(|table| table.ttl_enabled) {
        return Ok(());
    }
    let enable = json!({ "TableName": name, "TimeToLiveSpecification": {
        "Enabled": true,
        "AttributeName": ttl["AttributeName"],
    }});
    let enable = serde_json::from_value(enable)
        .map_err(|error| EmbeddedError::Template(format!("{name}: {error}")))?;
    database.update_time_to_live(enable)?;
    Ok(())
}
