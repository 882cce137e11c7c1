//! Captures the changes of the tables that have a stream in `template.yaml`.
//!
//! The embedded database has streams of its own, but each write to a table with such a stream reads
//! all records that the stream has. Here, triggers of `SQLite` store the changes instead, in the same
//! transaction as the write. A write takes equally long however many came before it.

use rusqlite::{Connection, TransactionBehavior};

use super::error::EmbeddedError;
use super::stand_in_rows::{NAME, PART, TABLE};
use super::template::{StreamedTable, streamed_tables};

/// How many changes of a table are kept if a function reads them. A function that is further behind
/// misses some.
pub const KEPT: u64 = 50_000;
/// How many changes of a table are kept if no function reads them: enough to look at.
pub const KEPT_UNREAD: u64 = 1_000;

/// The attributes of a change.
pub(super) const AT_S: &str = "at_s";
pub(super) const OLD: &str = "old";
pub(super) const NEW: &str = "new";

/// The part of a table's changes among the rows of the stand-ins.
#[must_use]
pub fn part_of(table: &str) -> String {
    format!("changes#{table}")
}

/// Makes the triggers in the database with this name, which the embedded database has open. Triggers of an
/// earlier version are replaced.
pub(super) fn capture(name: &str) -> Result<(), EmbeddedError> {
    let mut connection = Connection::open(name)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Each table's last number. Numbers are never used twice, even when all changes are gone.
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS local_change_numbers \
         (table_name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
    )?;
    for table in streamed_tables()? {
        transaction.execute_batch(&triggers(&table))?;
    }
    transaction.commit()?;
    Ok(())
}

/// The database stores an item's JSON in the column `item_json` of its row. It replaces a row by
/// `INSERT OR REPLACE`, which fires no DELETE trigger.
fn triggers(table: &StreamedTable) -> String {
    let name = &table.name;
    let old = format!("(SELECT item_json FROM \"{name}\" WHERE pk = NEW.pk AND sk = NEW.sk)");
    let put = record(table, &old, "NEW.item_json");
    let deletion = record(table, "OLD.item_json", "NULL");
    format!(
        "DROP TRIGGER IF EXISTS \"{name}::put\";
         DROP TRIGGER IF EXISTS \"{name}::delete\";
         INSERT OR IGNORE INTO local_change_numbers (table_name, number) VALUES ('{name}', 0);
         CREATE TRIGGER \"{name}::put\" BEFORE INSERT ON \"{name}\" BEGIN {put} END;
         CREATE TRIGGER \"{name}::delete\" BEFORE DELETE ON \"{name}\" BEGIN {deletion} END;"
    )
}

/// Stores a change as an item of the stand-ins' table, and removes the change that is too old.
fn record(table: &StreamedTable, old: &str, new: &str) -> String {
    let name = &table.name;
    let part = part_of(name);
    let kept = if table.is_read { KEPT } else { KEPT_UNREAD };
    let number = format!("(SELECT number FROM local_change_numbers WHERE table_name = '{name}')");
    // The database writes its keys with their type in front.
    let image = |column: &str| {
        format!(
            "CASE WHEN {column} IS NULL THEN '{{\"NULL\":true}}' \
             ELSE '{{\"S\":' || json_quote({column}) || '}}' END"
        )
    };
    format!(
        "UPDATE local_change_numbers SET number = number + 1 WHERE table_name = '{name}';
         INSERT INTO \"{TABLE}\" (pk, sk, item_json, item_size, hash_prefix)
         SELECT 'S:{part}', 'S:' || printf('%020d', number),
             '{{\"{PART}\":{{\"S\":\"{part}\"}},\"{NAME}\":{{\"S\":\"' || printf('%020d', number)
             || '\"}},\"{AT_S}\":{{\"N\":\"' || unixepoch() || '\"}},\"{OLD}\":' || {}
             || ',\"{NEW}\":' || {} || '}}', 0, ''
         FROM (SELECT {number} AS number, {old} AS old_json, {new} AS new_json);
         DELETE FROM \"{TABLE}\" WHERE pk = 'S:{part}'
             AND sk <= 'S:' || printf('%020d', {number} - {kept});",
        image("old_json"),
        image("new_json"),
    )
}
