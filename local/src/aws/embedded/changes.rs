//! The changes of a table, as its stream has them.

use dynoxide::{AttributeValue, Database, Item};
use serde_json::{Map, Value};

use super::capture::{AT_S, NEW, OLD, part_of};
use super::error::EmbeddedError;
use super::stand_in_rows::{NAME, last_row, rows_after, text};

/// One change of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place among the changes of its table, counted from 1.
    pub number: u64,
    /// Unix seconds.
    pub at_s: i64,
    /// The item before the change, in DynamoDB's JSON; `None` when there was none.
    pub old: Option<Map<String, Value>>,
    /// The item after the change; `None` when it was deleted.
    pub new: Option<Map<String, Value>>,
}

impl Change {
    /// The item after the change, or the deleted item.
    #[must_use]
    pub fn item(&self) -> Option<&Map<String, Value>> {
        self.new.as_ref().or(self.old.as_ref())
    }

    /// Whether the write left the item as it was. A stream has no record of such a write.
    fn is_empty(&self) -> bool {
        self.old == self.new
    }
}

/// Changes in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangePage {
    pub changes: Vec<Change>,
    /// The number of the last change that was read, whether the page has it or leaves it out.
    /// Reading continues behind it.
    pub end: u64,
    /// How many changes the reader has missed, because only the last ones are kept.
    pub missed: u64,
}

/// The changes in a database that [`super::database`] or [`super::database_file`] has made.
#[derive(Clone)]
pub struct Changes(Database);

impl Changes {
    #[must_use]
    pub fn of(database: &Database) -> Self {
        Self(database.clone())
    }

    /// Reads at most `limit` changes of a table behind a number; 0 means from the beginning.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn read(&self, table: &str, after: u64, limit: usize) -> Result<ChangePage, EmbeddedError> {
        let part = part_of(table);
        let name = if after == 0 { String::new() } else { name_of(after) };
        let mut page = ChangePage { end: after, ..ChangePage::default() };
        for item in rows_after(&self.0, &part, &name, limit)? {
            let change = read(&part, &item)?;
            page.missed += change.number.saturating_sub(page.end + 1);
            page.end = change.number;
            if !change.is_empty() {
                page.changes.push(change);
            }
        }
        // A reader that starts at the beginning starts at the oldest change that is kept.
        if after == 0 {
            page.missed = 0;
        }
        Ok(page)
    }

    /// The number of a table's last change; 0 when there was none.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn last_number(&self, table: &str) -> Result<u64, EmbeddedError> {
        let part = part_of(table);
        let last = last_row(&self.0, &part)?;
        last.map_or(Ok(0), |item| number_of(&part, &item))
    }
}

/// The sort key of a change. Keys are compared as texts, so they have equally many digits.
fn name_of(number: u64) -> String {
    format!("{number:020}")
}

fn number_of(part: &str, item: &Item) -> Result<u64, EmbeddedError> {
    let name = text(item, NAME).unwrap_or_default();
    name.parse().map_err(|_| EmbeddedError::Template(format!("{part} has a change {name:?}")))
}

fn read(part: &str, item: &Item) -> Result<Change, EmbeddedError> {
    let image = |attribute: &str| {
        let json = text(item, attribute).map(serde_json::from_str).transpose();
        let name = text(item, NAME).unwrap_or_default().to_owned();
        json.map_err(|error| EmbeddedError::Row { part: part.to_owned(), name, error })
    };
    let at_s = match item.get(AT_S) {
        Some(AttributeValue::N(at_s)) => at_s.parse().ok(),
        Some(_) | None => None,
    };
    Ok(Change {
        number: number_of(part, item)?,
        at_s: at_s.unwrap_or_default(),
        old: image(OLD)?,
        new: image(NEW)?,
    })
}
