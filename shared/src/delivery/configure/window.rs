//! Whether enabled schedules still keep to the windows after a change of what surrounds them.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Configure, Entry, NotChanged, check, read};
use crate::delivery::FieldError;
use crate::domain::hours::{Hours, within_a_year};
use crate::domain::schedule::OutsideWindow;
use crate::domain::{Channel, HoursConfig, Schedule, Template};
use crate::ports::scheduling::{Document, Kind};

/// Refuses a change after which a time of a schedule that is to keep to the window would fall
/// outside it. Names the first such schedule and its first such time.
///
/// What was outside before is not this change's fault: hours can be widened over it.
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
    let before = Around {
        templates: by_name(configure, Kind::Template, |t: &Template| &t.name).await?,
        channels: by_name(configure, Kind::Channel, |c: &Channel| &c.name).await?,
        hours: configure.catalog.hours().await?,
    };
    let after = before.with(&change);
    for schedule in schedules.iter().filter(|schedule| schedule.enabled) {
        // One that names nothing sends nothing.
        let Some((template, channel)) = after.of(schedule) else { continue };
        if !change.touches(template, channel) {
            continue;
        }
        if let Some(at) = first_time_shut_out(schedule, &before, &after, now) {
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

/// What surrounds the schedules.
#[derive(Clone)]
struct Around {
    templates: HashMap<String, Template>,
    channels: HashMap<String, Channel>,
    hours: HoursConfig,
}

impl Around {
    fn with(&self, change: &Change<'_>) -> Self {
        let mut around = self.clone();
        match change {
            Change::Channel(channel, _) => {
                around.channels.insert(channel.name.clone(), (*channel).clone());
            }
            Change::Template(template, _) => {
                around.templates.insert(template.name.clone(), (*template).clone());
            }
            Change::Hours(hours) => around.hours = *hours,
        }
        around
    }

    fn of(&self, schedule: &Schedule) -> Option<(&Template, &Channel)> {
        let template = self.templates.get(&schedule.template)?;
        Some((template, self.channels.get(&template.channel)?))
    }

    /// The hours of a schedule's messages, and the zone in which they are.
    fn hours_of(&self, schedule: &Schedule) -> Option<(Hours, TimeZone)> {
        let (template, channel) = self.of(schedule)?;
        let zone = TimeZone::get(&channel.timezone).ok()?;
        Some((check::scheduled_hours(template, channel, &self.hours), zone))
    }
}

/// The first of a schedule's times in the next year that was inside its hours and will not be.
fn first_time_shut_out(
    schedule: &Schedule,
    before: &Around,
    after: &Around,
    now: Timestamp,
) -> Option<Timestamp> {
    if schedule.outside_window == OutsideWindow::Defer {
        return None;
    }
    let its_zone = schedule.zone()?;
    let (hours, zone) = after.hours_of(schedule)?;
    let before = before.hours_of(schedule);
    let was_inside = |at| before.as_ref().is_none_or(|(hours, zone)| hours.allow(at, zone));
    within_a_year(schedule.times_after(now, &its_zone), now)
        .find(|&at| !hours.allow(at, &zone) && was_inside(at))
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
