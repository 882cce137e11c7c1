//! Whether the enabled schedules still keep to the sending windows after a change of a channel, a
//! template or the stack's hours.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use super::ConfigureCatalog;
use super::changes::NotChanged;
use super::check::scheduled_hours;
use super::entry::{Entry, read};
use crate::domain::hours::{Hours, within_a_year};
use crate::domain::schedule::OutsideWindow;
use crate::domain::template::variant_path;
use crate::domain::{Channel, FieldError, HoursConfig, Schedule, Template};
use crate::ports::{Document, Kind};

impl ConfigureCatalog {
    /// Refuses a change that moves a time of a schedule out of its window, unless the schedule lets
    /// its messages wait. Names the first such schedule and its first such time.
    ///
    /// Times that were outside before the change are accepted: otherwise they would block a change
    /// that widens the window over them.
    pub(super) async fn check_schedules_keep_to_windows(
        &self,
        entry: &Entry,
        current: Option<&Document>,
        now: Timestamp,
    ) -> Result<(), NotChanged> {
        let change = match entry {
            Entry::Channel(channel) => Change::Channel(channel, known(current).map(Box::new)),
            Entry::Template(template) => Change::Template(template, known(current)),
            Entry::Hours(hours) => Change::Hours(*hours),
            Entry::Schedule(_) | Entry::Audience(_) | Entry::Producer(_) => return Ok(()),
        };
        if !change.may_narrow_windows() {
            return Ok(());
        }
        let schedules: Vec<Schedule> = self.all(Kind::Schedule).await?;
        if !schedules.iter().any(|schedule| schedule.enabled) {
            return Ok(());
        }
        let before = Windows {
            templates: self.by_name(Kind::Template, |template: &Template| &template.name).await?,
            channels: self.by_name(Kind::Channel, |channel: &Channel| &channel.name).await?,
            hours: self.catalog.hours().await?,
        };
        let after = before.with(&change);
        for schedule in schedules.iter().filter(|schedule| schedule.enabled) {
            // A schedule whose template or channel is missing sends nothing.
            let Some((template, channel)) = after.of(schedule) else { continue };
            if !change.concerns(template, channel) {
                continue;
            }
            if let Some(at) = first_time_shut_out(schedule, &before, &after, now) {
                let must = format!(
                    "must leave the times of the schedule {} inside the sending window: {} would \
                     be outside. Move its times, or set its outside_window to defer",
                    schedule.name,
                    schedule.local_time(at),
                );
                return Err(FieldError::new(change.field(at, schedule, channel), must).into());
            }
        }
        Ok(())
    }

    pub(super) async fn by_name<T: DeserializeOwned>(
        &self,
        kind: Kind,
        name: impl Fn(&T) -> &String,
    ) -> Result<HashMap<String, T>, NotChanged> {
        let all: Vec<T> = self.all(kind).await?;
        Ok(all.into_iter().map(|one| (name(&one).clone(), one)).collect())
    }
}

/// The content of the stored document; `None` when there is none, or it cannot be read.
fn known<T: DeserializeOwned>(current: Option<&Document>) -> Option<T> {
    current.and_then(|current| read(current).ok())
}

/// All documents that hold sending windows.
#[derive(Clone)]
struct Windows {
    templates: HashMap<String, Template>,
    channels: HashMap<String, Channel>,
    hours: HoursConfig,
}

impl Windows {
    fn with(&self, change: &Change<'_>) -> Self {
        let mut changed = self.clone();
        match change {
            Change::Channel(channel, _) => {
                changed.channels.insert(channel.name.clone(), (*channel).clone());
            }
            Change::Template(template, _) => {
                changed.templates.insert(template.name.clone(), (*template).clone());
            }
            Change::Hours(hours) => changed.hours = *hours,
        }
        changed
    }

    /// The template of a schedule, and the channel that the messages leave over.
    fn of(&self, schedule: &Schedule) -> Option<(&Template, &Channel)> {
        let template = self.templates.get(&schedule.template)?;
        let variant = template.variant(schedule.channel.as_deref()).ok()?;
        Some((template, self.channels.get(&variant.channel)?))
    }

    /// The hours of a schedule's messages, and the zone in which they hold.
    fn hours_of(&self, schedule: &Schedule) -> Option<(Hours, TimeZone)> {
        let (template, channel) = self.of(schedule)?;
        let zone = TimeZone::get(&channel.timezone).ok()?;
        Some((scheduled_hours(template, channel, &self.hours), zone))
    }
}

/// The first time of a schedule in the next year that is inside its window before the change, and
/// outside after it.
fn first_time_shut_out(
    schedule: &Schedule,
    before: &Windows,
    after: &Windows,
    now: Timestamp,
) -> Option<Timestamp> {
    if schedule.outside_window == OutsideWindow::Defer {
        return None;
    }
    let schedule_zone = schedule.zone()?;
    let (hours, zone) = after.hours_of(schedule)?;
    let before = before.hours_of(schedule);
    let was_inside = |at| before.as_ref().is_none_or(|(hours, zone)| hours.allow(at, zone));
    within_a_year(schedule.times_after(now, &schedule_zone), now)
        .find(|&at| !hours.allow(at, &zone) && was_inside(at))
}

/// A changed document, with its content before the change.
enum Change<'a> {
    Channel(&'a Channel, Option<Box<Channel>>),
    Template(&'a Template, Option<Template>),
    Hours(HoursConfig),
}

impl Change<'_> {
    /// Whether the change may leave a schedule fewer hours. A new document counts as well: a
    /// schedule that lost its template or channel may name it.
    fn may_narrow_windows(&self) -> bool {
        match self {
            Self::Channel(new, Some(old)) => {
                new.window != old.window || new.timezone != old.timezone
            }
            Self::Template(new, Some(old)) => {
                new.window != old.window
                    || new.category != old.category
                    || new.channels().ne(old.channels())
            }
            Self::Channel(_, None) | Self::Template(_, None) | Self::Hours(_) => true,
        }
    }

    fn concerns(&self, template: &Template, channel: &Channel) -> bool {
        match self {
            Self::Channel(changed, _) => changed.name == channel.name,
            Self::Template(changed, _) => changed.name == template.name,
            Self::Hours(_) => true,
        }
    }

    /// The changed field that shuts out a time of a schedule.
    fn field(&self, at: Timestamp, schedule: &Schedule, channel: &Channel) -> String {
        let field = match self {
            Self::Channel(new, Some(old)) if new.window == old.window => "timezone",
            // A schedule that names no channel follows the first variant.
            Self::Template(new, Some(old))
                if schedule.channel.is_none() && new.channels().next() != old.channels().next() =>
            {
                return format!("{}.channel", variant_path(0));
            }
            Self::Template(new, Some(old)) if new.window == old.window => "category",
            Self::Channel(..) | Self::Template(..) => "window",
            Self::Hours(hours) => {
                let zone = TimeZone::get(&channel.timezone).unwrap_or(TimeZone::UTC);
                if hours.scheduled.contains(at, &zone) { "advertising" } else { "scheduled" }
            }
        };
        field.to_owned()
    }
}
