//! Catalog files: what the catalog is to hold, in YAML, as operators write it.

use std::collections::BTreeMap;

use alimi::delivery::FieldError;
use alimi::delivery::configure::check;
use alimi::domain::hours::Window;
use alimi::domain::{Audience, Channel, HoursConfig, Schedule, Template};
use alimi::ports::{Catalog, PortError};
use alimi::store::DynamoStore;
use jiff::Timestamp;
use serde::Deserialize;

/// What is checked against before the stored hours are known.
const ANY_HOURS: HoursConfig =
    HoursConfig { scheduled: Window::ALL_DAY, advertising: Window::ALL_DAY };

/// Everything by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogFile {
    /// Channels.
    #[serde(default)]
    pub channels: BTreeMap<String, Channel>,
    /// Templates.
    #[serde(default)]
    pub templates: BTreeMap<String, Template>,
    /// The stack's sending windows, where they are not the defaults.
    #[serde(default)]
    pub hours: Option<HoursConfig>,
    /// Audiences. Members are uploaded.
    #[serde(default)]
    pub audiences: BTreeMap<String, Audience>,
    /// Schedules.
    #[serde(default)]
    pub schedules: BTreeMap<String, Schedule>,
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
        }
        for (name, template) in &mut file.templates {
            template.name.clone_from(name);
        }
        for (name, audience) in &mut file.audiences {
            audience.name.clone_from(name);
        }
        for (name, schedule) in &mut file.schedules {
            schedule.name.clone_from(name);
        }
        file.check(file.hours.unwrap_or(ANY_HOURS))?;
        Ok(file)
    }

    /// What can be said without knowing the time.
    fn check(&self, hours: HoursConfig) -> Result<(), CatalogError> {
        for (name, channel) in &self.channels {
            check::channel(channel, [], &hours).map_err(in_section("channels", name))?;
        }
        for (name, template) in &self.templates {
            let channel = self.channels.get(&template.channel);
            check::template(template, channel, &hours).map_err(in_section("templates", name))?;
        }
        for (name, audience) in &self.audiences {
            check::audience(audience).map_err(in_section("audiences", name))?;
        }
        Ok(())
    }

    /// Whether the schedules, from now on, find what they name and keep to the windows.
    fn check_schedules(&self, hours: HoursConfig, now: Timestamp) -> Result<(), CatalogError> {
        for (name, schedule) in &self.schedules {
            let template = self.templates.get(&schedule.template);
            let surroundings = check::Surroundings {
                template,
                channel: template.and_then(|template| self.channels.get(&template.channel)),
                audience: self.audiences.get(&schedule.audience),
                hours: &hours,
            };
            check::schedule(schedule, surroundings, now).map_err(in_section("schedules", name))?;
        }
        Ok(())
    }

    /// Stores all of it. Where the file has no hours, the stored ones hold.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`] when something cannot be kept, and nothing is stored then;
    /// [`CatalogError::Port`].
    pub async fn apply(&self, store: &DynamoStore) -> Result<(), CatalogError> {
        let hours = match self.hours {
            Some(hours) => hours,
            None => Catalog::hours(store).await?,
        };
        self.check(hours)?;
        self.check_schedules(hours, store.now())?;
        if let Some(hours) = &self.hours {
            store.put_hours(hours).await?;
        }
        for channel in self.channels.values() {
            // One that is there stays paused or not: that is for operators to say.
            let known = store.channel(&channel.name).await?;
            let paused = known.map_or(channel.paused, |known| known.paused);
            store.put_channel(&Channel { paused, ..channel.clone() }).await?;
        }
        for template in self.templates.values() {
            store.put_template(template).await?;
        }
        for audience in self.audiences.values() {
            store.put_audience(audience).await?;
        }
        for schedule in self.schedules.values() {
            store.put_schedule(schedule).await?;
        }
        Ok(())
    }
}

/// An error in an entry, with the way to it.
fn in_section(section: &str, name: &str) -> impl FnOnce(FieldError) -> CatalogError {
    move |error| CatalogError::Invalid {
        path: format!("{section}.{name}.{}", error.field),
        must: error.detail,
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
