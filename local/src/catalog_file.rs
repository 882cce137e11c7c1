//! Catalog files: channels and templates in YAML, as operators write them.

use std::collections::BTreeMap;

use alimi::domain::{Channel, Template};
use alimi::ports::PortError;
use alimi::store::DynamoStore;
use serde::Deserialize;

/// Channels and templates by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogFile {
    /// Channels.
    #[serde(default)]
    pub channels: BTreeMap<String, Channel>,
    /// Templates.
    #[serde(default)]
    pub templates: BTreeMap<String, Template>,
}

/// What is wrong with a catalog file, and where.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It is not YAML, or a field is not what it must be.
    #[error("the catalog file cannot be read: {0}")]
    Malformed(#[from] serde_yaml_ng::Error),
    /// A value makes no sense.
    #[error("{path}: {must}")]
    Invalid {
        /// Where: `channels.alimtalk-main.limit.per_second`.
        path: String,
        /// What it must be.
        must: String,
    },
    /// It could not be stored.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl CatalogFile {
    /// Reads and checks a file's text.
    ///
    /// # Errors
    /// [`CatalogError`] names the first fault.
    pub fn read(text: &str) -> Result<Self, CatalogError> {
        let mut file: Self = serde_yaml_ng::from_str(text)?;
        for (name, channel) in &mut file.channels {
            channel.name.clone_from(name);
            if let Some((field, must)) = channel.faults().into_iter().next() {
                return Err(CatalogError::Invalid {
                    path: format!("channels.{name}.{field}"),
                    must,
                });
            }
        }
        for (name, template) in &mut file.templates {
            template.name.clone_from(name);
            let fault = if !alimi::domain::channel::is_name(name) {
                Some(("", "names are 1 to 64 of a-z, 0-9 and -".to_owned()))
            } else if !file.channels.contains_key(&template.channel) {
                Some((".channel", format!("there is no channel {:?}", template.channel)))
            } else {
                None
            };
            if let Some((field, must)) = fault {
                return Err(CatalogError::Invalid {
                    path: format!("templates.{name}{field}"),
                    must,
                });
            }
        }
        Ok(file)
    }

    /// Stores all of it.
    ///
    /// # Errors
    /// [`CatalogError::Port`].
    pub async fn apply(&self, store: &DynamoStore) -> Result<(), CatalogError> {
        for channel in self.channels.values() {
            store.put_channel(channel).await?;
        }
        for template in self.templates.values() {
            store.put_template(template).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../examples/teacher-onboarding/catalog.yaml");

    fn fault(text: &str) -> String {
        CatalogFile::read(text).expect_err("a fault").to_string()
    }

    #[test]
    fn the_example_is_read() {
        let file = CatalogFile::read(GOOD).expect("the example");
        assert!(file.channels.contains_key("alimtalk-main"));
        assert!(file.templates.len() >= 2);
    }

    #[test]
    fn a_fault_is_named_by_its_path() {
        let no_limit = GOOD.replace("per_second: 40", "per_second: 0");
        assert_eq!(fault(&no_limit), "channels.alimtalk-main.limit.per_second: must be 1 to 300");
        let nowhere = GOOD.replacen("channel: alimtalk-main", "channel: elsewhere", 1);
        assert!(fault(&nowhere).contains("there is no channel \"elsewhere\""));
        assert!(fault("channels: {a: {limits: 1}}").contains("limits"));
    }
}
