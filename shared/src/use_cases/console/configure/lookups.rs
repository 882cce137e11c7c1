//! Looks up the documents that a change depends on.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::ConfigureCatalog;
use super::check;
use super::entry::{Entry, read};
use super::not_changed::NotChanged;
use crate::domain::{Channel, Schedule, Template};
use crate::ports::{Kind, PortError};

/// How many documents are read at a time.
const PAGE: usize = 100;

impl ConfigureCatalog {
    /// Checks an entry against the documents that it names and that name it.
    pub(super) async fn check(&self, entry: &Entry, now: Timestamp) -> Result<(), NotChanged> {
        match entry {
            Entry::Channel(channel) => {
                let templates: Vec<Template> = self.all(Kind::Template).await?;
                let its = templates.iter().filter(|template| template.channel == channel.name);
                check::channel(channel, its, &self.catalog.hours().await?)?;
            }
            Entry::Template(template) => {
                let channel = self.catalog.channel(&template.channel).await?;
                check::template(template, channel.as_ref(), &self.catalog.hours().await?)?;
            }
            Entry::Audience(audience) => check::audience(audience)?,
            Entry::Schedule(schedule) => self.check_schedule(schedule, now).await?,
            Entry::Hours(hours) => {
                let templates: Vec<Template> = self.all(Kind::Template).await?;
                let channels: HashMap<String, Channel> = self
                    .all(Kind::Channel)
                    .await?
                    .into_iter()
                    .map(|channel: Channel| (channel.name.clone(), channel))
                    .collect();
                let pairs = templates
                    .iter()
                    .filter_map(|template| Some((template, channels.get(&template.channel)?)));
                check::hours(hours, pairs)?;
            }
        }
        Ok(())
    }

    async fn check_schedule(&self, schedule: &Schedule, now: Timestamp) -> Result<(), NotChanged> {
        let template = self.catalog.template(&schedule.template).await?;
        let channel = match &template {
            Some(template) => self.catalog.channel(&template.channel).await?,
            None => None,
        };
        let audience = self.catalog.audience(&schedule.audience).await?;
        let context = check::ScheduleContext {
            template: template.as_ref(),
            channel: channel.as_ref(),
            audience: audience.as_ref(),
            hours: &self.catalog.hours().await?,
        };
        Ok(check::schedule(schedule, context, now)?)
    }

    /// The documents that name this one, in words.
    pub(super) async fn users(&self, kind: Kind, name: &str) -> Result<Vec<String>, PortError> {
        Ok(match kind {
            Kind::Channel => self
                .all::<Template>(Kind::Template)
                .await?
                .into_iter()
                .filter(|template| template.channel == name)
                .map(|template| format!("the template {}", template.name))
                .collect(),
            Kind::Template | Kind::Audience => self
                .all::<Schedule>(Kind::Schedule)
                .await?
                .into_iter()
                .filter(|schedule| match kind {
                    Kind::Template => schedule.template == name,
                    Kind::Audience => schedule.audience == name,
                    Kind::Channel | Kind::Schedule | Kind::Hours => false,
                })
                .map(|schedule| format!("the schedule {}", schedule.name))
                .collect(),
            Kind::Schedule | Kind::Hours => vec![],
        })
    }

    /// Every document of a kind.
    pub(super) async fn all<T: DeserializeOwned>(&self, kind: Kind) -> Result<Vec<T>, PortError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.documents.documents(kind, after.as_deref(), PAGE).await?;
            after = page.last().map(|last| last.name.clone());
            for document in &page {
                all.push(read(document)?);
            }
            if page.len() < PAGE {
                return Ok(all);
            }
        }
    }
}
