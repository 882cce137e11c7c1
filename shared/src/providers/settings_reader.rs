//! Reads a provider's settings from a channel's document.
//!
//! Serde would stop at the first fault. An operator corrects a channel faster when all of them are
//! named at once.

use serde_json::{Map, Value};

use crate::domain::FieldError;

/// Reads settings one by one, and notes every fault. No fault quotes a value: an operator may have
/// put a secret there by mistake.
pub(super) struct SettingsReader<'a> {
    settings: &'a Map<String, Value>,
    /// The settings that the adapter knows.
    known: Vec<&'static str>,
    faults: Vec<FieldError>,
}

impl<'a> SettingsReader<'a> {
    pub(super) fn new(settings: &'a Map<String, Value>) -> Self {
        Self { settings, known: vec![], faults: vec![] }
    }

    /// A text of 1 to this many bytes; `None` when it is absent or faulty.
    pub(super) fn text(&mut self, name: &'static str, bytes_max: usize) -> Option<&'a str> {
        match self.value(name)? {
            Value::String(text) if (1..=bytes_max).contains(&text.len()) => return Some(text),
            Value::String(text) => {
                self.fault(name, format!("has {} bytes; must have 1 to {bytes_max}", text.len()));
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                self.fault(name, format!("must be a text of 1 to {bytes_max} bytes"));
            }
        }
        None
    }

    /// A text that must be there. A faulty one is read as empty: [`Self::finish`] fails then.
    pub(super) fn required_text(&mut self, name: &'static str, bytes_max: usize) -> &'a str {
        if self.value(name).is_none() {
            self.fault(name, format!("is missing; must be a text of 1 to {bytes_max} bytes"));
        }
        self.text(name, bytes_max).unwrap_or_default()
    }

    /// One of two choices, each a text with its meaning. The first one is the default.
    pub(super) fn choice<T: Copy>(&mut self, name: &'static str, choices: [(&str, T); 2]) -> T {
        let [default, other] = choices;
        let Some(value) = self.value(name) else { return default.1 };
        let found = choices.iter().find(|(text, _)| value.as_str() == Some(*text));
        let Some((_, meaning)) = found else {
            self.fault(name, format!("must be {} or {}", default.0, other.0));
            return default.1;
        };
        *meaning
    }

    /// A whole number from 1 to `most`.
    pub(super) fn number(&mut self, name: &'static str, most: usize, default: usize) -> usize {
        let Some(value) = self.value(name) else { return default };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        if let Some(number) = number.filter(|number| (1..=most).contains(number)) {
            return number;
        }
        self.fault(name, format!("must be a whole number from 1 to {most}"));
        default
    }

    /// Notes a fault of a setting.
    pub(super) fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(FieldError::new(format!("provider.{name}"), detail));
    }

    /// Notes a fault that names its field already.
    pub(super) fn field_fault(&mut self, fault: FieldError) {
        self.faults.push(fault);
    }

    /// # Errors
    /// Every fault, those of settings that the adapter does not know included.
    pub(super) fn finish(mut self) -> Result<(), Vec<FieldError>> {
        let known = self.known.join(", ");
        for name in self.settings.keys() {
            if !self.known.contains(&name.as_str()) {
                let detail = format!("is an unknown setting; known: {known}");
                self.faults.push(FieldError::new(format!("provider.{name}"), detail));
            }
        }
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }

    /// A setting as it stands. One that is null counts as absent.
    fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.settings.get(name).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(settings: &Value) -> Result<(), Vec<String>> {
        let mut reader = SettingsReader::new(settings.as_object().expect("an object"));
        reader.required_text("account", 3);
        reader.text("key", 3);
        reader.choice("environment", [("live", 1), ("test", 2)]);
        reader.number("size", 10, 5);
        let faults = reader.finish();
        faults.map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn settings_are_read_with_their_defaults() {
        let settings = json!({ "account": "abc", "key": null, "environment": "test", "size": 10 });
        let mut reader = SettingsReader::new(settings.as_object().expect("an object"));
        assert_eq!(reader.required_text("account", 3), "abc");
        assert_eq!(reader.text("key", 3), None);
        assert_eq!(reader.choice("environment", [("live", 1), ("test", 2)]), 2);
        assert_eq!(reader.choice("absent", [("live", 1), ("test", 2)]), 1);
        assert_eq!(reader.number("size", 10, 5), 10);
        assert_eq!(reader.number("other", 10, 5), 5);
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn every_fault_is_named_and_no_value_is_quoted() {
        let settings = json!({
            "account": "hidden", "key": 7, "environment": "hidden", "size": 11, "extra": "hidden",
        });
        let expected = [
            "provider.account: has 6 bytes; must have 1 to 3",
            "provider.key: must be a text of 1 to 3 bytes",
            "provider.environment: must be live or test",
            "provider.size: must be a whole number from 1 to 10",
            "provider.extra: is an unknown setting; known: account, key, environment, size",
        ];
        assert_eq!(read(&settings), Err(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_required_text_that_is_missing_is_one_fault() {
        let expected = ["provider.account: is missing; must be a text of 1 to 3 bytes".to_owned()];
        for settings in [json!({}), json!({ "account": null })] {
            assert_eq!(read(&settings), Err(expected.to_vec()));
        }
    }

    #[test]
    fn a_number_must_be_whole_and_a_choice_a_text() {
        for (name, value) in [
            ("size", json!(1.5)),
            ("size", json!(-1)),
            ("size", json!("5")),
            ("size", json!(u64::MAX)),
            ("environment", json!(1)),
            ("environment", json!("LIVE")),
        ] {
            let mut settings = json!({ "account": "a" });
            settings[name] = value;
            let faults = read(&settings).expect_err("a fault");
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].starts_with(&format!("provider.{name}: ")), "{faults:?}");
        }
    }
}
