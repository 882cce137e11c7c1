//! The rows of the stand-ins for AWS services: the messages of queues, schedules, and how far the
//! readers of change feeds have come. A deployed stack leaves these to AWS. They are in the database
//! of the stack's tables, so a database file keeps them together.

use dynoxide::{AttributeValue, Database, Item};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::EmbeddedError;

/// The table's name. `template.yaml` has no such table.
pub const TABLE: &str = "LocalStateTable";
/// The partition key: the kind of the rows.
pub(super) const PART: &str = "part";
/// The sort key.
pub(super) const NAME: &str = "name";

/// How many rows are read at a time.
const PAGE: usize = 500;

/// The rows of all stand-ins.
#[derive(Clone)]
pub struct StandInRows(Database);

impl StandInRows {
    /// The rows in a database that [`super::database`] or [`super::database_file`] has made.
    #[must_use]
    pub fn of(database: &Database) -> Self {
        Self(database.clone())
    }

    /// Stores a row, or replaces it.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn put<T: Serialize>(&self, part: &str, name: &str, row: &T) -> Result<(), EmbeddedError> {
        let text = serde_json::to_string(row).map_err(|error| unreadable(part, name, error))?;
        let item = json!({
            PART: { "S": part }, NAME: { "S": name }, "row": { "S": text },
        });
        let put: Result<_, _> = request(&json!({ "TableName": TABLE, "Item": item }));
        self.0.put_item(put.map_err(|error| unreadable(part, name, error))?)?;
        Ok(())
    }

    /// Removes a row. Succeeds when there is none.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn remove(&self, part: &str, name: &str) -> Result<(), EmbeddedError> {
        let key = json!({ PART: { "S": part }, NAME: { "S": name } });
        let delete: Result<_, _> = request(&json!({ "TableName": TABLE, "Key": key }));
        self.0.delete_item(delete.map_err(|error| unreadable(part, name, error))?)?;
        Ok(())
    }

    /// One row.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn row<T: DeserializeOwned>(
        &self,
        part: &str,
        name: &str,
    ) -> Result<Option<T>, EmbeddedError> {
        let key = json!({ PART: { "S": part }, NAME: { "S": name } });
        let get: Result<_, _> = request(&json!({ "TableName": TABLE, "Key": key }));
        let found = self.0.get_item(get.map_err(|error| unreadable(part, name, error))?)?;
        found.item.map(|item| read(part, &item).map(|(_, row)| row)).transpose()
    }

    /// All rows of a part with their names, in the order of the names.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn all<T: DeserializeOwned>(&self, part: &str) -> Result<Vec<(String, T)>, EmbeddedError> {
        let mut rows: Vec<(String, T)> = Vec::new();
        loop {
            let after = rows.last().map_or("", |(name, _)| name).to_owned();
            let items = rows_after(&self.0, part, &after, PAGE)?;
            if items.is_empty() {
                return Ok(rows);
            }
            for item in &items {
                rows.push(read(part, item)?);
            }
        }
    }
}

/// The items of a part behind a name, at most `limit`, in the order of the names.
pub(super) fn rows_after(
    database: &Database,
    part: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<Item>, EmbeddedError> {
    // A sort key cannot be empty, but a condition's value can begin before every key.
    let after = if after.is_empty() { " " } else { after };
    let query = json!({
        "TableName": TABLE,
        "KeyConditionExpression": "#part = :part AND #name > :after",
        "ExpressionAttributeNames": { "#part": PART, "#name": NAME },
        "ExpressionAttributeValues": { ":part": { "S": part }, ":after": { "S": after } },
        "Limit": limit,
    });
    let query = request(&query).map_err(|error| unreadable(part, after, error))?;
    Ok(database.query(query)?.items.unwrap_or_default())
}

/// The last item of a part, by name.
pub(super) fn last_row(database: &Database, part: &str) -> Result<Option<Item>, EmbeddedError> {
    let query = json!({
        "TableName": TABLE,
        "KeyConditionExpression": "#part = :part",
        "ExpressionAttributeNames": { "#part": PART },
        "ExpressionAttributeValues": { ":part": { "S": part } },
        "ScanIndexForward": false,
        "Limit": 1,
    });
    let query = request(&query).map_err(|error| unreadable(part, "", error))?;
    Ok(database.query(query)?.items.unwrap_or_default().pop())
}

/// The request that creates the table.
pub(super) fn definition() -> Value {
    json!({
        "TableName": TABLE,
        "AttributeDefinitions": [
            { "AttributeName": PART, "AttributeType": "S" },
            { "AttributeName": NAME, "AttributeType": "S" },
        ],
        "KeySchema": [
            { "AttributeName": PART, "KeyType": "HASH" },
            { "AttributeName": NAME, "KeyType": "RANGE" },
        ],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

/// A text attribute of an item.
pub(super) fn text<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    let AttributeValue::S(text) = item.get(attribute)? else { return None };
    Some(text)
}

fn read<T: DeserializeOwned>(part: &str, item: &Item) -> Result<(String, T), EmbeddedError> {
    let name = text(item, NAME).unwrap_or_default();
    let row = serde_json::from_str(text(item, "row").unwrap_or_default())
        .map_err(|error| unreadable(part, name, error))?;
    Ok((name.to_owned(), row))
}

/// A request in the database's own type.
fn request<T: for<'a> Deserialize<'a>>(request: &Value) -> Result<T, serde_json::Error> {
    serde_json::from_str(&request.to_string())
}

fn unreadable(part: &str, name: &str, error: serde_json::Error) -> EmbeddedError {
    EmbeddedError::Row { part: part.to_owned(), name: name.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::super::database;
    use super::*;

    fn rows() -> StandInRows {
        StandInRows::of(&database().expect("a database"))
    }

    #[test]
    fn a_row_is_kept_until_it_is_removed() {
        let rows = rows();
        rows.put("queue", "a", &json!({ "body": "한" })).expect("stored");
        rows.put("queue", "a", &json!({ "body": "글" })).expect("replaced");
        assert_eq!(rows.row("queue", "a").expect("read"), Some(json!({ "body": "글" })));
        assert_eq!(rows.row::<Value>("other", "a").expect("read"), None, "another part");
        rows.remove("queue", "a").expect("removed");
        rows.remove("queue", "a").expect("a row that is not there");
        assert_eq!(rows.row::<Value>("queue", "a").expect("read"), None);
    }

    #[test]
    fn all_rows_of_a_part_come_in_the_order_of_their_names() {
        let rows = rows();
        for number in (0..2 * PAGE + 3).rev() {
            rows.put("many", &format!("{number:06}"), &number).expect("stored");
        }
        rows.put("others", "000000", &0).expect("stored");
        let all: Vec<(String, usize)> = rows.all("many").expect("read");
        assert_eq!(all.len(), 2 * PAGE + 3);
        assert!(all.iter().enumerate().all(|(index, (_, number))| index == *number));
    }
}
