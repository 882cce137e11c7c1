//! Rows of other versions of the code, so that older code harms no newer data.
//!
//! Two versions run at the same time during a deployment, and after a deployment that is taken
//! back. A newer version may add attributes to a row; they are kept aside when the row is read, and
//! written back when it is saved. If a newer version changes the meaning of a row, it gives the row
//! a higher schema number. Such a row is read if it decodes, and is never written.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Value;

use super::dynamo::Table;
use super::error::{UNDECODABLE, unusable};
use super::item::Item;
use crate::domain::UnknownAttributes;
use crate::ports::PortError;

/// The schema number of a row. A row without one is of the first shape, which had none.
pub(super) fn schema_of(item: &Item) -> u16 {
    let Some(schema) = item.get("schema") else { return 0 };
    schema.as_n().ok().and_then(|number| number.parse().ok()).unwrap_or(u16::MAX)
}

/// Refuses to write a row that a newer version of the code has written. `own` is the schema that
/// this version writes.
pub(super) fn refuse_newer(table: Table, schema: u16, own: u16) -> Result<(), PortError> {
    if schema <= own {
        return Ok(());
    }
    let detail = format!(
        "a row has schema {schema}, and this version of the code writes schema {own}: the row \
         stays as it is until a version that knows schema {schema} is deployed"
    );
    Err(PortError::Unusable { what: table.as_str(), detail })
}

/// The error of a row that does not decode.
pub(super) fn undecodable(table: Table, schema: u16, own: u16) -> PortError {
    if schema <= own {
        return unusable(table, UNDECODABLE);
    }
    let detail = format!(
        "a row of schema {schema} does not decode, and this version of the code knows schema \
         {own}: deploy a version that knows schema {schema}"
    );
    PortError::Unusable { what: table.as_str(), detail }
}

/// Takes out of an item what is neither a field of `T` nor one of the `derived` attributes, which
/// are written beside the fields.
pub(super) fn take_unknown<T: DeserializeOwned>(
    item: &mut Item,
    derived: &'static [&'static str],
    table: Table,
) -> Result<UnknownAttributes, PortError> {
    let fields = field_names::<T>();
    let unknown = item.extract_if(|name, _| {
        let name = name.as_str();
        !fields.contains(&name) && !derived.contains(&name)
    });
    unknown
        .map(|(name, value)| to_json(value).map(|value| (name, value)))
        .collect::<Result<_, _>>()
        .map(UnknownAttributes)
        .map_err(|_| unusable(table, UNDECODABLE))
}

/// Adds the unknown attributes to an item that has all others already.
pub(super) fn put_unknown(
    item: &mut Item,
    unknown: &UnknownAttributes,
    table: Table,
) -> Result<(), PortError> {
    for (name, value) in &unknown.0 {
        let value = from_json(value).map_err(|_| unusable(table, UNDECODABLE))?;
        item.entry(name.clone()).or_insert(value);
    }
    Ok(())
}

/// An attribute in DynamoDB's own JSON, such as `{"SS": ["a"]}`. Plain JSON would turn sets into
/// lists and round long numbers, and a save that meets its own write could not recognise it.
fn to_json(value: AttributeValue) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_dynamo::AttributeValue::from(value))
}

fn from_json(value: &Value) -> Result<AttributeValue, serde_json::Error> {
    serde_dynamo::AttributeValue::deserialize(value).map(AttributeValue::from)
}

/// The names under which serde reads a struct's fields. They are asked of the type: a field that
/// was missing in a list would count as unknown, and a value that it had earlier would be written
/// back after the field was cleared.
fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // Nothing is read, so the result is always an error.
    let _error = T::deserialize(FieldNames(&mut names));
    names
}

/// A deserializer without content. It notes the names of the fields that a struct asks for.
struct FieldNames<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is no content"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Notification, Sequence};

    #[test]
    fn the_names_of_a_structs_fields_are_those_that_are_stored() {
        let names = field_names::<Notification>();
        for name in ["id", "schema", "revision", "group", "is_contradicted", "status_since_ms"] {
            assert!(names.contains(&name), "{name}");
        }
        assert!(!names.contains(&"unknown"), "what is unknown is no attribute itself");
        assert!(field_names::<Sequence>().contains(&"on_unconfirmed"));
        assert!(field_names::<String>().is_empty());
    }

    #[test]
    fn an_unknown_attribute_is_kept_with_its_type() {
        let set = AttributeValue::Ss(vec!["a".into(), "b".into()]);
        let number = AttributeValue::N("12345678901234567890.123".into());
        let item = Item::from([
            ("id".to_owned(), AttributeValue::S("x".into())),
            ("ttl".to_owned(), AttributeValue::N("1".into())),
            ("added_set".to_owned(), set),
            ("added_number".to_owned(), number),
        ]);
        let mut rest = item.clone();
        let unknown =
            take_unknown::<Notification>(&mut rest, &["ttl"], Table::Notifications).expect("kept");
        let names: Vec<&str> = unknown.0.keys().map(String::as_str).collect();
        assert_eq!(names, ["added_number", "added_set"]);
        assert!(!rest.contains_key("added_set") && rest.contains_key("ttl"));
        put_unknown(&mut rest, &unknown, Table::Notifications).expect("written back");
        assert_eq!(rest, item);
    }
}
