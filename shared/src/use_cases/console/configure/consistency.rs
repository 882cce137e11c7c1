//! Checks an entry against the documents that it names and that name it.

use std::collections::HashMap;

use jiff::Timestamp;

use super::ConfigureCatalog;
use super::changes::NotChanged;
use super::check;
use super::entry::Entry;
use crate::domain::{Channel, Producer, Schedule, Template};
use crate::ports::{Kind, PortError};

impl ConfigureCatalog {
    pub(super) async fn check(&self, entry: &Entry, now: Timestamp) -> Result<(), NotChanged> {
        match entry {
            Entry::Channel(channel) => {
                let templates: Vec<Template> = self.all(Kind::Template).await?;
                let hours = self.catalog.hours().await?;
                let its = templates
                    .iter()
                    .filter(|template| template.channels().any(|name| name == channel.name));
                check::channel(channel, its, &*self.adapters, &hours)?;
            }
            Entry::Template(template) => {
                let channels = self.channels_of(template).await?;
                let hours = self.catalog.hours().await?;
                let schedules: Vec<Schedule> = self.all(Kind::Schedule).await?;
                check::template(template, |name| channels.get(name), &*self.adapters, &hours)?;
                check::template_of_schedules(template, &schedules)?;
            }
            Entry::Audience(audience) => check::audience(audience)?,
            Entry::Schedule(schedule) => self.check_schedule(schedule, now).await?,
            Entry::Hours(hours) => {
                let templates: Vec<Template> = self.all(Kind::Template).await?;
                let channels: HashMap<String, Channel> =
                    self.by_name(Kind::Channel, |channel: &Channel| &channel.name).await?;
                let channels = &channels;
                let pairs = templates.iter().flat_map(|template| {
                    let its = template.channels().filter_map(move |name| channels.get(name));
                    its.map(move |channel| (template, channel))
                });
                check::hours(hours, pairs)?;
            }
            Entry::Producer(producer) => {
                let all: Vec<Producer> = self.all(Kind::Producer).await?;
                check::producer(producer, &all)?;
            }
        }
        Ok(())
    }

    async fn check_schedule(&self, schedule: &Schedule, now: Timestamp) -> Result<(), NotChanged> {
        let template = self.catalog.template(&schedule.template).await?;
        let template = template.map(|found| found.document);
        let variant = template.as_ref().map(|found| found.variant(schedule.channel.as_deref()));
        let channel = match variant {
            Some(Ok(variant)) => self.catalog.channel(&variant.channel).await?,
            Some(Err(_)) | None => None,
        };
        let audience = self.catalog.audience(&schedule.audience).await?;
        let producer = match &schedule.producer {
            Some(name) => self.catalog.producer(name).await?,
            None => None,
        };
        let context = check::ScheduleContext {
            template: template.as_ref(),
            channel: channel.as_ref(),
            audience: audience.as_ref(),
            producer: producer.as_ref(),
            hours: &self.catalog.hours().await?,
        };
        Ok(check::schedule(schedule, context, now)?)
    }

    /// The channels of a template that are stored, by name.
    async fn channels_of(
        &self,
        template: &Template,
    ) -> Result<HashMap<String, Channel>, PortError> {
        let mut channels = HashMap::new();
        for variant in &template.variants {
            if let Some(channel) = self.catalog.channel(&variant.channel).await? {
                channels.insert(variant.channel.clone(), channel);
            }
        }
        Ok(channels)
    }
}
