//! What a run's messages are made from.

use super::Trigger;
use super::outcome::Stop;
use crate::domain::run::Pins;
use crate::domain::{Channel, HoursConfig, Priority, Run, RunKey, Template};
use crate::ports::Kind;
use crate::use_cases::schedule_row::ScheduleRow;

/// The run's pins, with the channel and the hours that are in force now.
pub(super) struct RunContext {
    pub(super) pins: Pins,
    pub(super) channel: Channel,
    pub(super) hours: HoursConfig,
}

impl Trigger {
    /// Pins the template, the audience and the priority as they are now.
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
        let name = &schedule.audience;
        let audience = self
            .catalog
            .audience(name)
            .await?
            .ok_or_else(|| Stop::Fatal(format!("there is no audience {name:?}")))?;
        Ok(Pins {
            template,
            template_revision,
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
        let name = &pins.template.channel;
        let channel = self.catalog.channel(name).await?.ok_or_else(|| {
            Stop::Fatal(format!("there is no channel {name:?}, which the template names"))
        })?;
        Ok(RunContext { hours: self.catalog.hours().await?, channel, pins })
    }
}
