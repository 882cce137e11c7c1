//! What a run's messages are made from.

use std::sync::Arc;

use super::Trigger;
use super::outcome::Stop;
use crate::domain::run::Pins;
use crate::domain::{Channel, HoursConfig, Priority, Run, RunKey, Template, Variant};
use crate::ports::{Adapter, Kind};
use crate::use_cases::compose::Source;
use crate::use_cases::schedule_row::ScheduleRow;

/// The run's pins, with the channel and the hours that are in force now.
pub(super) struct RunContext {
    pub(super) pins: Pins,
    /// The pinned template's variant for the channel.
    variant: Variant,
    pub(super) channel: Channel,
    adapter: Arc<dyn Adapter>,
    hours: HoursConfig,
}

impl RunContext {
    /// What each member's message is made from.
    pub(super) fn source(&self) -> Source<'_> {
        Source {
            template: &self.pins.template,
            revision: self.pins.template_revision,
            variant: &self.variant,
            channel: &self.channel,
            adapter: &*self.adapter,
            hours: &self.hours,
        }
    }
}

impl Trigger {
    /// Pins the template, the audience and what the schedule says as they are now.
    pub(super) async fn pins(&self, key: &RunKey) -> Result<Pins, Stop> {
        let row = ScheduleRow::load(&*self.documents, &key.schedule).await?;
        let schedule = row
            .map(|row| row.schedule)
            .ok_or_else(|| Stop::Fatal("the schedule was deleted before the run began".into()))?;
        if !schedule.enabled {
            return Err(Stop::Fatal("the schedule was disabled before the run began".into()));
        }
        let name = &schedule.template;
        let document = self.documents.document(Kind::Template, name).await?;
        let found = document.and_then(|found| Some((found.body?, found.revision)));
        let Some((body, template_revision)) = found else {
            return Err(Stop::Fatal(format!("there is no template {name:?}")));
        };
        let template: Template = serde_json::from_value(body)
            .map_err(|_| Stop::Fatal(format!("the template {name:?} cannot be read")))?;
        let template = Template { name: name.clone(), ..template };
        let name = &schedule.audience;
        let audience = self
            .catalog
            .audience(name)
            .await?
            .ok_or_else(|| Stop::Fatal(format!("there is no audience {name:?}")))?;
        Ok(Pins {
            template,
            template_revision,
            channel: schedule.channel.clone(),
            owner: schedule.owner().to_owned(),
            audience: self.audiences.pin(&audience).await?,
            priority: schedule.priority_at(key.scheduled_at),
        })
    }

    pub(super) async fn context(&self, run: &Run) -> Result<RunContext, Stop> {
        let mut pins =
            run.pins.clone().ok_or_else(|| Stop::Fatal("the run has pinned nothing".into()))?;
        // A row that was edited by hand may hold the priority of real-time messages, which leave at
        // any hour. A run's messages are scheduled ones: the windows hold for them.
        pins.priority = pins.priority.max(Priority::scheduled(0));
        let variant = pins.template.variant(pins.channel.as_deref()).map_err(|error| {
            Stop::Fatal(format!("no variant of the template fits the schedule: {error}"))
        })?;
        let variant = variant.clone();
        let name = &variant.channel;
        let channel = self.catalog.channel(name).await?.ok_or_else(|| {
            Stop::Fatal(format!("there is no channel {name:?}, which the template names"))
        })?;
        let adapter = self.adapters.usable_adapter(&channel)?;
        let hours = self.catalog.hours().await?;
        Ok(RunContext { pins, variant, channel, adapter, hours })
    }
}
