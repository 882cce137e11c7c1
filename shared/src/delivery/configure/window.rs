//! Whether enabled schedules still keep to the windows after a change of what surrounds them.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Configure, Entry, NotChanged, check, read};
use crate::delivery::FieldError;
use crate::domain::{Channel, HoursConfig, Schedule, Template};
use crate::ports::scheduling::{Document, Kind};

/// Refuses a change after which a schedule that was to be refused outside the window would fall
/// outside it. Names the first such schedule and its first time.
///
/// Only where the change is one of hours: what was outside before is not this change's fault.
pub(super) async fn keeps(
    configure: &Configure,
    entry: &Entry,
    current: Option<&Document>,
    now: Timestamp,
) -> Result<(), NotChanged> {
    let change = match entry {
        Entry::Channel(channel) => Change::Channel(channel, current.map(read).transpose()?),
        Entry::Template(template) => Change::Template(template, current.map(read).transpose()?),
        Entry::Hours(hours) => Change::Hours(*hours),
        Entry::Schedule(_) | Entry::Audience(_) => return Ok(()),
    };
    if !change.may_close() {
        return Ok(());
    }
    let schedules: Vec<Schedule> = configure.all(Kind::Schedule).await?;
    if !schedules.iter().any(|schedule| schedule.enabled) {
        return Ok(());
    }
    let mut templates: HashMap<String, Template> =
        by_name(configure, Kind::Template, |t: &Template| &t.name).await?;
    let mut channels: HashMap<String, Channel> =
        by_name(configure, Kind::Channel, |c: &Channel| &c.name).await?;
    let mut hours = configure.catalog.hours().await?;
    match &change {
        Change::Channel(channel, _) => {
            channels.insert(channel.name.clone(), (*channel).clone());
        }
        Change::Template(template, _) => {
            templates.insert(template.name.clone(), (*template).clone());
        }
        Change::Hours(new) => hours = *new,
    }
    for schedule in schedules.iter().filter(|schedule| schedule.enabled) {
        // One that names nothing sends nothing.
        let Some(template) = templates.get(&schedule.template) else { continue };
        let Some(channel) = channels.get(&template.channel) else { continue };
        if !change.touches(template, channel) {
            continue;
        }
        if let Some(at) = check::first_time_outside(schedule, template, channel, &hours, now) {
            let must = format!(
                "must leave the schedule {} its times: {} would be outside the sending window. \
                 Move its times, or let it say outside_window: defer",
                schedule.name,
                check::in_its_zone(schedule, at),
            );
            return Err(FieldError::new(change.field(at, channel), must).into());
        }
    }
    Ok(())
}

async fn by_name<T: serde::de::DeserializeOwned>(
    configure: &Configure,
    kind: Kind,
    name: impl Fn(&T) -> &String,
) -> Result<HashMap<String, T>, NotChanged> {
    let all: Vec<T> = configure.all(kind).await?;
    Ok(all.into_iter().map(|one| (name(&one).clone(), one)).collect())
}

/// What is changed, and what it was.
enum Change<'a> {
    Channel(&'a Channel, Option<Channel>),
    Template(&'a Template, Option<Template>),
    Hours(HoursConfig),
}

impl Change<'_> {
    /// Whether it can leave a schedule fewer hours. What is new is named by no schedule yet, but
    /// for one that lost it.
    fn may_close(&self) -> bool {
        match self {
            Self::Channel(new, Some(old)) => {
                new.window != old.window || new.timezone != old.timezone
            }
            Self::Template(new, Some(old)) => {
                new.window != old.window
                    || new.category != old.category
                    || new.channel != old.channel
            }
            Self::Channel(_, None) | Self::Template(_, None) | Self::Hours(_) => true,
        }
    }

    fn touches(&self, template: &Template, channel: &Channel) -> bool {
        match self {
            Self::Channel(changed, _) => changed.name == channel.name,
            Self::Template(changed, _) => changed.name == template.name,
            Self::Hours(_) => true,
        }
    }

    /// The field that shuts out a time.
    fn field(&self, at: Timestamp, channel: &Channel) -> &'static str {
        match self {
            Self::Channel(new, Some(old)) if new.window == old.window => "timezone",
            Self::Template(new, Some(old)) if new.channel != old.channel => "channel",
            Self::Template(new, Some(old)) if new.window == old.window => "category",
            Self::Channel(..) | Self::Template(..) => "window",
            Self::Hours(hours) => {
                let zone = TimeZone::get(&channel.timezone).unwrap_or(TimeZone::UTC);
                if hours.scheduled.contains(at, &zone) { "advertising" } else { "scheduled" }
            }
        }
    }
}
