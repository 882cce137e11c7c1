//! Documents as trees of JSON values. Parsers keep one of two members with the same name, without a
//! word. So a document with such members is refused here, at every depth.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::json_error::{ReadError, TWICE};

/// The most levels of objects and lists within each other.
const LEVELS_MAX: usize = 32;

/// Larger numbers that are not written as whole numbers of 64 bits lose digits: 2⁵³.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// Why a document is no tree.
pub(super) enum NoTree<E> {
    Fault(ReadError),
    /// The error of the parser: the text is not of the format.
    Malformed(E),
}

/// Reads a whole document.
pub(super) fn read_tree<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Value, NoTree<D::Error>> {
    let fault = RefCell::new(None);
    let part = Part { levels: 0, fault: &fault };
    part.deserialize(deserializer).map_err(|error| match fault.take() {
        Some(fault) => NoTree::Fault(fault),
        None => NoTree::Malformed(error),
    })
}

/// A part of a document.
#[derive(Clone, Copy)]
struct Part<'a> {
    /// The objects and lists around it.
    levels: usize,
    /// The parser's error type has no room for a path.
    fault: &'a RefCell<Option<ReadError>>,
}

impl Part<'_> {
    /// A part of this one.
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.levels == LEVELS_MAX {
            let detail = format!("is nested too deeply; must be within {LEVELS_MAX} levels");
            return Err(self.fail(ReadError::new(detail)));
        }
        Ok(Self { levels: self.levels + 1, ..self })
    }

    fn fail<E: Error>(self, fault: ReadError) -> E {
        *self.fault.borrow_mut() = Some(fault);
        E::custom("see the fault")
    }

    /// Adds a step to the path of the fault, if there is one.
    fn extend_path(self, step: impl FnOnce(ReadError) -> ReadError) {
        let fault = self.fault.take();
        *self.fault.borrow_mut() = fault.map(step);
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) if value.abs() < EXACT_BELOW => Ok(Value::Number(number)),
            Some(_) | None => {
                let detail = "is a number that would lose digits; must be a shorter number, or a \
                              string";
                Err(self.fail(ReadError::new(detail)))
            }
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        loop {
            match list.next_element_seed(inner) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => return Ok(Value::Array(items)),
                Err(error) => {
                    self.extend_path(|fault| fault.under_index(items.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(self.fail(ReadError::new(TWICE).under_name(&name)));
            }
            match object.next_value_seed(inner) {
                Ok(value) => members.insert(name, value),
                Err(error) => {
                    self.extend_path(|fault| fault.under_name(&name));
                    return Err(error);
                }
            };
        }
        Ok(Value::Object(members))
    }
}
