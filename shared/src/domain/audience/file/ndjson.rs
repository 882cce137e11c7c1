//! NDJSON files: one JSON object a line.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::fault::{Fault, NOT_UTF8};
use super::format::RECORD_BYTES_MAX;
use super::member::{Member, Record, checked_id, unless_blank};
use super::source::Source;

/// Splits the file into lines and reads each as a member.
#[derive(Default)]
pub(super) struct NdjsonRecords {
    /// Unread bytes that contain no line feed.
    scanned_bytes: usize,
    /// The line on which a record that is too long starts, until its end was found.
    too_long_since: Option<u64>,
    is_cut_off: bool,
}

impl NdjsonRecords {
    pub(super) fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    pub(super) fn next(&mut self, source: &mut Source) -> Option<Record> {
        loop {
            let unread = source.unread();
            let fresh = unread.get(self.scanned_bytes..).unwrap_or_default();
            let (text_bytes, is_closed) = match fresh.iter().position(|&byte| byte == b'\n') {
                Some(at) => (self.scanned_bytes + at, true),
                None if source.has_ended() => (unread.len(), false),
                None => {
                    self.scanned_bytes = unread.len();
                    self.drop_too_long(source);
                    return None;
                }
            };
            let text = unread.get(..text_bytes).unwrap_or_default();
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let line = self.too_long_since.unwrap_or(source.line());
            let member = if self.too_long_since.is_some() || text.len() > RECORD_BYTES_MAX {
                Some(Err(Fault::too_long()))
            } else if text.trim_ascii().is_empty() {
                None
            } else {
                Some(read_member(text, is_closed))
            };
            source.pass(text_bytes + usize::from(is_closed));
            self.scanned_bytes = 0;
            self.too_long_since = None;
            if let Some(member) = member {
                self.is_cut_off = member.as_ref().is_err_and(|fault| fault.is_cut_off);
                source.set_mark();
                return Some(Record { line, member: member.map_err(|fault| fault.at(line)) });
            }
            if !is_closed {
                return None;
            }
        }
    }

    fn drop_too_long(&mut self, source: &mut Source) {
        // One byte more may be the carriage return of the line break.
        if self.too_long_since.is_some() || self.scanned_bytes > RECORD_BYTES_MAX + 1 {
            self.too_long_since.get_or_insert(source.line());
            source.pass(self.scanned_bytes);
            self.scanned_bytes = 0;
        }
    }
}

/// The names and values of an object in their order. Duplicate names are kept.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

const TWICE: &str = "is given twice; must be given once";

fn read_member(line: &[u8], is_closed: bool) -> Result<Member, Fault> {
    const CUT_OFF: &str = "is an incomplete JSON object: the file ends inside it";
    let text = str::from_utf8(line).map_err(|_| {
        if is_closed { Fault::of_record(NOT_UTF8) } else { Fault::cut_off(CUT_OFF) }
    })?;
    // The parser's own message is not used: it may quote values.
    let Fields(fields) =
        serde_json::from_str(text).map_err(|error| match (error.classify(), is_closed) {
            (Category::Data, _) => Fault::of_record("must be a JSON object"),
            (Category::Eof, true) => Fault::of_record(
                "is an incomplete JSON object: the line ends inside it; must be on one line",
            ),
            (Category::Syntax | Category::Io, true) => Fault::of_record(format!(
                "has a JSON syntax error at character {}; must be a JSON object",
                characters(line, error.column())
            )),
            (Category::Syntax | Category::Eof | Category::Io, false) => Fault::cut_off(CUT_OFF),
        })?;

    let (mut id, mut phone, mut timezone, mut variables) = (None, None, None, None);
    for (name, value) in fields {
        let is_duplicate = match name.as_str() {
            "id" => id.replace(string("id", value)?).is_some(),
            "phone" => phone.replace(string_or_null("phone", value)?).is_some(),
            "timezone" => timezone.replace(string_or_null("timezone", value)?).is_some(),
            "variables" => variables.replace(read_variables(value)?).is_some(),
            _ => {
                return Err(Fault::of_field(
                    &name,
                    "is unknown; must be one of id, phone, timezone and variables",
                ));
            }
        };
        if is_duplicate {
            return Err(Fault::of_field(&name, TWICE));
        }
    }
    Ok(Member {
        id: checked_id(id.ok_or_else(|| Fault::of_field("id", "is missing"))?)?,
        phone: phone.flatten().and_then(unless_blank),
        timezone: timezone.flatten().and_then(unless_blank),
        variables: variables.unwrap_or_default(),
    })
}

fn string(name: &str, value: &RawValue) -> Result<String, Fault> {
    serde_json::from_str(value.get()).map_err(|_| Fault::of_field(name, "must be a string"))
}

fn string_or_null(name: &str, value: &RawValue) -> Result<Option<String>, Fault> {
    serde_json::from_str(value.get()).map_err(|_| Fault::of_field(name, "must be a string or null"))
}

fn read_variables(object: &RawValue) -> Result<BTreeMap<String, String>, Fault> {
    let Fields(fields) = serde_json::from_str(object.get())
        .map_err(|_| Fault::of_field("variables", "must be an object"))?;
    let mut variables = BTreeMap::new();
    for (name, value) in fields {
        let path = format!("variables.{name}");
        let text = match value.get().as_bytes().first() {
            Some(b'"') => string(&path, value)?,
            // The text as it is written: 1.10 stays 1.10, and a long number loses no digit.
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => value.get().to_owned(),
            _ => return Err(Fault::of_field(&path, "must be a string, a number, true or false")),
        };
        if variables.insert(name, text).is_some() {
            return Err(Fault::of_field(&path, TWICE));
        }
    }
    Ok(variables)
}

/// The number of characters in the first `bytes` bytes of a text.
fn characters(text: &[u8], bytes: usize) -> usize {
    text.iter().take(bytes).filter(|&byte| byte & 0b1100_0000 != 0b1000_0000).count()
}
