//! What has to change so that a stack has the documents of a catalog file.

use alimi::domain::{HoursConfig, Producer};
use alimi::ports::Clock as _;
use alimi::time::SystemClock;
use alimi_catalog::CatalogFile;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::sections::{Section, take};
use super::stored::{self, Stored};
use crate::api::Api;
use crate::failure::Failure;

/// A document of the file, against the stored one.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) section: Section,
    pub(crate) name: String,
    /// The stored revision; `None` if there is no such document.
    pub(crate) revision: Option<u64>,
    /// What is to be stored.
    pub(crate) document: Value,
    pub(crate) changes: Vec<Change>,
}

/// A field that differs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: String,
    pub(crate) stored: Option<Value>,
    pub(crate) file: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) documents: Vec<Planned>,
    /// The documents that only the stack has. They stay as they are.
    pub(crate) only_stored: Vec<(Section, String)>,
}

impl Planned {
    pub(crate) fn is_needed(&self) -> bool {
        self.revision.is_none() || !self.changes.is_empty()
    }

    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.section.segment(), self.name)
    }
}

impl Plan {
    /// Compares a file with a stack, and checks it as a whole.
    pub(crate) async fn make(catalog: &CatalogFile, api: &Api) -> Result<Self, Failure> {
        let mut lists = Vec::new();
        for section in Section::ALL {
            lists.push((section, stored::list(api, section.segment()).await?));
        }
        check(catalog, &lists)?;
        let mut plan = Self { documents: vec![], only_stored: vec![] };
        for (section, list) in lists {
            let entries = entries(section, catalog)?;
            for Stored { name, .. } in &list {
                if entries.iter().all(|(own, _)| own != name) {
                    plan.only_stored.push((section, name.clone()));
                }
            }
            for (name, document) in entries {
                let stored = list.iter().find(|stored| stored.name == name);
                plan.documents.push(planned(section, name, document, stored));
            }
        }
        Ok(plan)
    }

    pub(crate) fn needed(&self) -> impl Iterator<Item = &Planned> {
        self.documents.iter().filter(|planned| planned.is_needed())
    }

    pub(crate) fn as_json(&self) -> Value {
        let documents = self.documents.iter().map(|planned| {
            let action = match (planned.revision, planned.changes.is_empty()) {
                (None, _) => "create",
                (Some(_), false) => "change",
                (Some(_), true) => "none",
            };
            let changes = planned.changes.iter().map(|change| {
                json!({ "path": change.path, "stored": change.stored, "file": change.file })
            });
            json!({
                "kind": planned.section.segment(), "name": planned.name, "action": action,
                "revision": planned.revision, "changes": changes.collect::<Vec<_>>(),
            })
        });
        let only_stored = self
            .only_stored
            .iter()
            .map(|(section, name)| json!({ "kind": section.segment(), "name": name }));
        json!({
            "documents": documents.collect::<Vec<_>>(),
            "only_stored": only_stored.collect::<Vec<_>>(),
        })
    }
}

/// Checks what depends on the stack's hours and producers.
fn check(catalog: &CatalogFile, lists: &[(Section, Vec<Stored>)]) -> Result<(), Failure> {
    let list = |section: Section| {
        let found = lists.iter().find(|(of, _)| *of == section);
        found.map(|(_, list)| list.as_slice()).unwrap_or_default()
    };
    let stored_hours = list(Section::Hours).first().map(|hours| hours.document.clone());
    let stored_hours = match stored_hours {
        Some(hours) => serde_json::from_value(hours).map_err(|_| {
            Failure::NotUnderstood("the stored hours have another form; update `alimi`".to_owned())
        })?,
        None => HoursConfig::default(),
    };
    // A producer that cannot be read here is checked by the server.
    let producers: Vec<Producer> = list(Section::Producers)
        .iter()
        .filter_map(|stored| {
            let mut producer: Producer = serde_json::from_value(stored.document.clone()).ok()?;
            producer.name.clone_from(&stored.name);
            Some(producer)
        })
        .collect();
    let now = Timestamp::from_microsecond(SystemClock.now_us()).unwrap_or(Timestamp::UNIX_EPOCH);
    let hours = catalog.hours.unwrap_or(stored_hours);
    catalog.check_against(hours, &producers, now).map_err(|error| Failure::usage(error.to_string()))
}

/// The documents of a section of the file.
fn entries(section: Section, catalog: &CatalogFile) -> Result<Vec<(String, Value)>, Failure> {
    fn all<'a, T: Serialize + 'a>(
        entries: impl IntoIterator<Item = (&'a String, &'a T)>,
    ) -> Result<Vec<(String, Value)>, serde_json::Error> {
        let entries = entries.into_iter();
        entries.map(|(name, entry)| Ok((name.clone(), serde_json::to_value(entry)?))).collect()
    }
    let entries = match section {
        Section::Hours => {
            let name = "stack".to_owned();
            all(catalog.hours.iter().map(|hours| (&name, hours)))
        }
        Section::Channels => all(&catalog.channels),
        Section::Templates => all(&catalog.templates),
        Section::Audiences => all(&catalog.audiences),
        Section::Producers => all(&catalog.producers),
        Section::Schedules => all(&catalog.schedules),
    };
    entries.map_err(|error| Failure::usage(format!("{}: {error}", section.segment())))
}

fn planned(
    section: Section,
    name: String,
    mut document: Value,
    stored: Option<&Stored>,
) -> Planned {
    take(&mut document, &["name"]);
    for path in section.server_fields() {
        take(&mut document, path);
    }
    let Some(Stored { revision, document: stored, .. }) = stored else {
        return Planned { section, name, revision: None, document, changes: vec![] };
    };
    let mut stored = section.normalized(stored);
    take(&mut stored, &["name"]);
    for path in section.server_fields() {
        take(&mut stored, path);
    }
    if section == Section::Channels {
        // Operators pause channels, so a stored channel's paused state is preserved.
        document["paused"] = stored["paused"].clone();
    }
    let mut changes = Vec::new();
    compare("", Some(&stored), Some(&document), &mut changes);
    Planned { section, name, revision: Some(*revision), document, changes }
}

/// Collects the fields that differ, by their paths.
fn compare(path: &str, stored: Option<&Value>, file: Option<&Value>, changes: &mut Vec<Change>) {
    match (stored, file) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let added = after.keys().filter(|name| !before.contains_key(*name));
            for name in before.keys().chain(added) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&path, before.get(name), after.get(name), changes);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                compare(&format!("{path}[{index}]"), Some(before), Some(after), changes);
            }
        }
        // A field that is null says what one says that is not there.
        (None | Some(Value::Null), None | Some(Value::Null)) => {}
        (before, after) if before == after => {}
        (before, after) => changes.push(Change {
            path: path.to_owned(),
            stored: before.cloned(),
            file: after.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(stored: &Value, file: &Value) -> Vec<String> {
        let mut changes = Vec::new();
        compare("", Some(stored), Some(file), &mut changes);
        changes.into_iter().map(|change| change.path).collect()
    }

    #[test]
    fn fields_that_differ_are_named_by_their_paths() {
        let stored = json!({ "a": 1, "b": { "c": [1, { "d": 2 }], "e": [1] }, "gone": true });
        let file = json!({ "a": 1, "b": { "c": [1, { "d": 3 }], "e": [1, 2] }, "new": "x" });
        assert_eq!(differences(&stored, &file), ["b.c[1].d", "b.e", "gone", "new"]);
        assert!(differences(&stored, &stored).is_empty());
        assert!(differences(&json!({ "a": null }), &json!({})).is_empty());
    }

    #[test]
    fn a_stored_channel_stays_paused_and_keeps_what_the_server_keeps() {
        let file = json!({
            "name": "kakao", "provider": { "kind": "p" }, "paused": false,
            "limit": { "per_second": 10, "jitter": "50ms" },
        });
        let secret =
            json!([{ "id": "a", "sha256": "0a".repeat(32), "created_at": "1970-01-01T00:00:00Z" }]);
        let stored = Stored {
            name: "kakao".to_owned(),
            revision: 7,
            document: json!({
                "name": "kakao", "provider": { "kind": "p" }, "paused": true,
                "limit": { "per_second": 10, "jitter": "50ms" }, "receipt_secrets": secret,
            }),
        };
        let file = Section::Channels.normalized(&file);
        let same = planned(Section::Channels, "kakao".to_owned(), file, Some(&stored));
        assert!(!same.is_needed(), "{same:?}");
        assert_eq!(same.document["paused"], true);
        assert_eq!(same.document.get("receipt_secrets"), None);
        assert_eq!(same.document.get("name"), None);
    }
}
