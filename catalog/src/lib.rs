//! Catalog files: the channels, templates, hours, audiences and schedules of a stack, in YAML.

use std::collections::BTreeMap;

use alimi::domain::hours::Window;
use alimi::domain::{Audience, Channel, FieldError, HoursConfig, Schedule, Template};
use alimi::ports::{Catalog, PortError};
use alimi::store::DynamoStore;
use alimi::use_cases::console::configure::check;
use jiff::Timestamp;
use serde::Deserialize;

/// The hours to check with before the stored hours are known.
const ANY_HOURS: HoursConfig =
    HoursConfig { scheduled: Window::ALL_DAY, advertising: Window::ALL_DAY };

/// The entries of a catalog file, by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogFile {
    #[serde(default)]
    pub channels: BTreeMap<String, Channel>,
    #[serde(default)]
    pub templates: BTreeMap<String, Template>,
    /// The stack's permitted hours. Without this entry, the stored hours stay in force.
    #[serde(default)]
    pub hours: Option<HoursConfig>,
    /// Audiences without members, which are uploaded.
    #[serde(default)]
    pub audiences: BTreeMap<String, Audience>,
    #[serde(default)]
    pub schedules: BTreeMap<String, Schedule>,
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The text is no YAML, or a field is unknown or of the wrong type.
    #[error("the catalog file cannot be read: {0}")]
    Malformed(#[from] serde_yaml_ng::Error),
    /// A value is not permitted. The field has its path in the file, such as
    /// `channels.alimtalk-main.limit.per_second`.
    #[error(transparent)]
    Invalid(FieldError),
    #[error(transparent)]
    Port(#[from] PortError),
}

impl CatalogFile {
    /// Reads and checks a file's text.
    ///
    /// # Errors
    /// [`CatalogError`] names the first invalid field.
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

    /// Checks everything that does not depend on the time.
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

    /// Checks that the schedules' templates and audiences exist, and that their times from now on
    /// are in the permitted hours.
    fn check_schedules(&self, hours: HoursConfig, now: Timestamp) -> Result<(), CatalogError> {
        for (name, schedule) in &self.schedules {
            let template = self.templates.get(&schedule.template);
            let context = check::ScheduleContext {
                template,
                channel: template.and_then(|template| self.channels.get(&template.channel)),
                audience: self.audiences.get(&schedule.audience),
                hours: &hours,
            };
            check::schedule(schedule, context, now).map_err(in_section("schedules", name))?;
        }
        Ok(())
    }

    /// Checks and stores every entry.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`] when a value is not permitted; then nothing is stored.
    /// [`CatalogError::Port`] when the store fails.
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
            // Operators pause channels, so a stored channel's paused state is preserved.
            let stored = store.channel(&channel.name).await?;
            let paused = stored.map_or(channel.paused, |stored| stored.paused);
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

/// Adds the path of an entry to an error in it.
fn in_section(section: &str, name: &str) -> impl FnOnce(FieldError) -> CatalogError {
    move |error| CatalogError::Invalid(error.within(&format!("{section}.{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../examples/teacher-onboarding/catalog.yaml");

    fn error(text: &str) -> String {
        CatalogFile::read(text).expect_err("an error").to_string()
    }

    #[test]
    fn the_example_catalog_is_valid() {
        let file = CatalogFile::read(GOOD).expect("the example");
        assert!(file.channels.contains_key("alimtalk-main"));
        assert!(file.templates.len() >= 2);
    }

    #[test]
    fn an_error_names_the_path_of_the_field() {
        let no_limit = GOOD.replace("per_second: 40", "per_second: 0");
        let expected = "channels.alimtalk-main.limit.per_second: is 0; must be 1 to 300";
        assert_eq!(error(&no_limit), expected);
        let nowhere = GOOD.replacen("channel: alimtalk-main", "channel: elsewhere", 1);
        assert!(error(&nowhere).contains("there is no channel \"elsewhere\""));
        assert!(error("channels: {a: {limits: 1}}").contains("limits"));
    }
}
