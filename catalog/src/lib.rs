//! Catalog files: the channels, templates, hours, audiences, schedules and producers of a stack, in
//! YAML.

use std::collections::BTreeMap;

use alimi::domain::hours::Window;
use alimi::domain::{Audience, Channel, FieldError, HoursConfig, Producer, Schedule, Template};
use alimi::http::{Unreadable, deserialize_strictly};
use alimi::ports::{Catalog, PortError};
use alimi::providers::{BuiltInAdapters, Endpoints};
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
    #[serde(default)]
    pub producers: BTreeMap<String, Producer>,
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The text is no YAML.
    #[error("the catalog file cannot be read: {0}")]
    Malformed(#[from] serde_yaml_ng::Error),
    /// A field is unknown or there twice, or its value is of the wrong type or not permitted. The field
    /// has its path in the file, such as `channels.alimtalk-main.limit.per_second`.
    #[error(transparent)]
    Invalid(FieldError),
    #[error(transparent)]
    Port(#[from] PortError),
}

impl CatalogFile {
    /// Reads and checks a file's text, as for a stack whose providers may be simulated:
    /// [`Self::check_endpoints`] checks for a deployed one.
    ///
    /// # Errors
    /// [`CatalogError`] names the first invalid field.
    pub fn read(text: &str) -> Result<Self, CatalogError> {
        let read = deserialize_strictly(serde_yaml_ng::Deserializer::from_str(text));
        let mut file: Self = read.map_err(|unreadable| match unreadable {
            Unreadable::Fault(error) => CatalogError::Invalid(error),
            Unreadable::Malformed(error) => CatalogError::Malformed(error),
        })?;
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
        for (name, producer) in &mut file.producers {
            producer.name.clone_from(name);
        }
        file.check(file.hours.unwrap_or(ANY_HOURS))?;
        file.check_producers(&[])?;
        Ok(file)
    }

    /// Checks that the channels' credentials go only to hosts that the stack permits.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`] names the first channel's field.
    pub fn check_endpoints(&self, endpoints: Endpoints) -> Result<(), CatalogError> {
        let adapters = BuiltInAdapters::new(endpoints);
        for (name, channel) in &self.channels {
            check::channel(channel, [], &adapters, &ANY_HOURS)
                .map_err(in_section("channels", name))?;
        }
        Ok(())
    }

    /// Checks everything that depends neither on the time nor on the stored producers.
    fn check(&self, hours: HoursConfig) -> Result<(), CatalogError> {
        self.check_endpoints(Endpoints::Any)?;
        let adapters = BuiltInAdapters::new(Endpoints::Any);
        for (name, template) in &self.templates {
            check::template(template, |channel| self.channels.get(channel), &adapters, &hours)
                .map_err(in_section("templates", name))?;
        }
        for (name, audience) in &self.audiences {
            check::audience(audience).map_err(in_section("audiences", name))?;
        }
        Ok(())
    }

    /// Checks that no IAM role or user belongs to two producers, of the file or stored.
    fn check_producers(&self, stored: &[Producer]) -> Result<(), CatalogError> {
        let others = stored.iter().filter(|other| !self.producers.contains_key(&other.name));
        let all: Vec<&Producer> = self.producers.values().chain(others).collect();
        for (name, producer) in &self.producers {
            check::producer(producer, all.iter().copied())
                .map_err(in_section("producers", name))?;
        }
        Ok(())
    }

    /// Checks that the schedules' templates, audiences and producers exist, and that their times
    /// from now on are in the permitted hours.
    fn check_schedules(&self, hours: HoursConfig, now: Timestamp) -> Result<(), CatalogError> {
        for (name, schedule) in &self.schedules {
            let template = self.templates.get(&schedule.template);
            let variant =
                template.and_then(|template| template.variant(schedule.channel.as_deref()).ok());
            let producer = schedule.producer.as_ref();
            let context = check::ScheduleContext {
                template,
                channel: variant.and_then(|variant| self.channels.get(&variant.channel)),
                audience: self.audiences.get(&schedule.audience),
                producer: producer.and_then(|name| self.producers.get(name)),
                hours: &hours,
            };
            check::schedule(schedule, context, now).map_err(in_section("schedules", name))?;
        }
        Ok(())
    }

    /// Checks every entry as for a stack with these hours and these producers, at this time.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`] names the first invalid field.
    pub fn check_against(
        &self,
        hours: HoursConfig,
        stored: &[Producer],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        self.check(hours)?;
        self.check_schedules(hours, now)?;
        self.check_producers(stored)
    }

    /// Checks every entry, and stores it past the API: in a stack on this machine, or in a test.
    /// The command `alimi apply` stores a file over the API.
    ///
    /// # Errors
    /// [`CatalogError::Invalid`] when a value is not permitted; then nothing is stored.
    /// [`CatalogError::Port`] when the store fails.
    pub async fn apply(&self, store: &DynamoStore) -> Result<(), CatalogError> {
        let hours = match self.hours {
            Some(hours) => hours,
            None => Catalog::hours(store).await?,
        };
        self.check_against(hours, &store.producers().await?.producers, store.now())?;
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
        for producer in self.producers.values() {
            store.put_producer(producer).await?;
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
        let expected = "templates.consultation-start.variants[0].channel: there is no channel \
                        \"elsewhere\"";
        assert!(error(&nowhere).starts_with(expected), "{}", error(&nowhere));
    }

    #[test]
    fn an_unknown_field_is_an_error_at_every_depth() {
        assert!(
            error("channel: {}").starts_with("channel: is an unknown field; known: channels, ")
        );
        let unknown = "channels.a.limits: is an unknown field";
        assert!(error("channels: {a: {limits: 1}}").starts_with(unknown));
        let misspelled = error(&GOOD.replacen("jitter: 50ms", "jittr: 50ms", 1));
        let unknown = "channels.alimtalk-main.limit.jittr: is an unknown field";
        assert!(misspelled.starts_with(unknown), "{misspelled}");
    }

    #[test]
    fn an_entry_that_is_there_twice_and_a_value_of_the_wrong_type_are_named_by_their_paths() {
        let twice = "channels: {a: {paused: true, paused: false}}";
        assert_eq!(error(twice), "channels.a.paused: is given twice; must be given once");
        let number = GOOD.replacen("code: CONSULT_START_01", "code: 17", 1);
        let expected = "templates.consultation-start.variants[0].content.code: must be a string";
        assert_eq!(error(&number), expected);
        assert_eq!(error("channels: [a]"), "channels: must be an object");
        assert!(error("channels: {").starts_with("the catalog file cannot be read: "));
    }

    /// The prefix of the deployment and the channel's name are the name of its secret.
    #[test]
    fn a_channel_names_no_secret() {
        let with_secret =
            GOOD.replacen("timezone: Asia/Seoul\n", "timezone: Asia/Seoul\n    secret: s\n", 1);
        let expected = "channels.alimtalk-main.secret: is an unknown field; known: ";
        assert!(error(&with_secret).starts_with(expected), "{}", error(&with_secret));
    }

    #[test]
    fn a_role_belongs_to_one_producer_only() {
        let mut file = CatalogFile::read(GOOD).expect("the example");
        let other =
            Producer { name: "other".into(), ..file.producers["consultation-service"].clone() };
        let stored = file.check_producers(std::slice::from_ref(&other)).expect_err("an error");
        assert!(stored.to_string().contains("belongs to the producer other"), "{stored}");
        file.producers.insert("other".into(), other);
        let in_the_file = file.check_producers(&[]).expect_err("an error").to_string();
        assert!(in_the_file.starts_with("producers.consultation-service.principals[0]: "));
    }

    #[test]
    fn a_channel_of_a_deployed_stack_may_name_no_other_host_than_its_providers() {
        let mut file = CatalogFile::read(GOOD).expect("the example");
        assert!(file.check_endpoints(Endpoints::ProvidersOwn).is_ok());
        let channel = file.channels.get_mut("alimtalk-main").expect("the channel");
        let elsewhere = "http://127.0.0.1:9800".into();
        channel.provider.settings.insert("endpoint".to_owned(), elsewhere);
        let refused = file.check_endpoints(Endpoints::ProvidersOwn).expect_err("an error");
        assert!(refused.to_string().starts_with("channels.alimtalk-main.provider.endpoint: "));
        assert!(file.check_endpoints(Endpoints::Any).is_ok());
    }

    #[test]
    fn a_receipt_secret_in_a_file_is_a_digest() {
        let with = |sha256: &str| {
            let secrets = format!(
                "timezone: Asia/Seoul\n    receipt_secrets:\n      \
                 - {{ id: a, sha256: \"{sha256}\", created_at: 2026-03-02T01:00:00Z }}\n"
            );
            GOOD.replacen("timezone: Asia/Seoul\n", &secrets, 1)
        };
        let file = CatalogFile::read(&with(&"0a".repeat(32))).expect("a digest");
        assert_eq!(file.channels["alimtalk-main"].receipt_secrets.len(), 1);
        assert!(error(&with("a-plain-secret")).contains("must be a SHA-256"));
    }
}
