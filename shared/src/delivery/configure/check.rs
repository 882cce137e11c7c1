//! What a document must be to be saved, beside what surrounds it. Pure: whoever calls has looked
//! things up.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::delivery::FieldError;
use crate::domain::channel::is_name;
use crate::domain::hours::{Hours, Origin, first_outside, hours_of};
use crate::domain::schedule::OutsideWindow;
use crate::domain::{Audience, Channel, HoursConfig, Schedule, Template};

/// A channel, with the templates that leave over it.
///
/// # Errors
/// Names the first field at fault.
pub fn channel<'a>(
    channel: &Channel,
    its_templates: impl IntoIterator<Item = &'a Template>,
    hours: &HoursConfig,
) -> Result<(), FieldError> {
    first(channel.faults())?;
    for template in its_templates {
        if closed_origin(template, channel, *hours).is_some() {
            let must = format!("must leave the template {} some hours", template.name);
            return Err(FieldError::new("window", must));
        }
    }
    Ok(())
}

/// A template, with its channel.
///
/// # Errors
/// Names the first field at fault.
pub fn template(
    template: &Template,
    channel: Option<&Channel>,
    hours: &HoursConfig,
) -> Result<(), FieldError> {
    if !is_name(&template.name) {
        return Err(FieldError::new("name", "must be 1 to 64 of a-z, 0-9 and -"));
    }
    if template.body.trim().is_empty() {
        return Err(FieldError::new("body", "must not be empty"));
    }
    if let Some(field) = template.unclosed() {
        return Err(FieldError::new(field, "must close each variable: #{name}"));
    }
    let channel = channel.ok_or_else(|| {
        FieldError::new("channel", format!("there is no channel {:?}", template.channel))
    })?;
    match closed_origin(template, channel, *hours) {
        None => Ok(()),
        Some(origin) => {
            let (messages, stack) = match origin {
                Origin::RealTime => ("real-time", hours.advertising.to_string()),
                Origin::Scheduled => ("scheduled", hours.scheduled.to_string()),
            };
            let must = format!(
                "must have a minute in common with the windows of its channel and of the stack \
                 ({stack}), or its {messages} messages could never leave"
            );
            Err(FieldError::new("window", must))
        }
    }
}

/// The stack's windows, with every template and its channel.
///
/// # Errors
/// Names the first field at fault.
pub fn hours<'a>(
    hours: &HoursConfig,
    templates: impl IntoIterator<Item = (&'a Template, &'a Channel)>,
) -> Result<(), FieldError> {
    for (template, channel) in templates {
        let field = match closed_origin(template, channel, *hours) {
            None => continue,
            Some(Origin::RealTime) => "advertising",
            Some(Origin::Scheduled) => "scheduled",
        };
        let must = format!("must leave the template {} some hours", template.name);
        return Err(FieldError::new(field, must));
    }
    Ok(())
}

/// An audience.
///
/// # Errors
/// Names the first field at fault.
pub fn audience(audience: &Audience) -> Result<(), FieldError> {
    first(audience.faults())
}

/// What a schedule's messages meet.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Its template, if there is one.
    pub template: Option<&'a Template>,
    /// The template's channel, if there is one.
    pub channel: Option<&'a Channel>,
    /// Its audience, if there is one.
    pub audience: Option<&'a Audience>,
    /// The stack's windows.
    pub hours: &'a HoursConfig,
}

/// A schedule: by itself, and whether its messages may leave at its times.
///
/// # Errors
/// Names the first field at fault; for times outside the window, the first of them.
pub fn schedule(
    schedule: &Schedule,
    surroundings: Surroundings<'_>,
    now: Timestamp,
) -> Result<(), FieldError> {
    first(schedule.faults(now))?;
    let template = surroundings.template.ok_or_else(|| {
        FieldError::new("template", format!("there is no template {:?}", schedule.template))
    })?;
    let channel = surroundings.channel.ok_or_else(|| {
        let must = format!("its channel {:?} is not configured", template.channel);
        FieldError::new("template", must)
    })?;
    if surroundings.audience.is_none() {
        let must = format!("there is no audience {:?}", schedule.audience);
        return Err(FieldError::new("audience", must));
    }
    match scheduled_hours(template, channel, surroundings.hours) {
        Hours::Never => {
            let must = "has no sending hours in common with its channel and stack";
            Err(FieldError::new("template", must))
        }
        Hours::Exempt => Ok(()),
        Hours::Within(window) => {
            match first_time_outside(schedule, template, channel, surroundings.hours, now) {
                None => Ok(()),
                Some(at) => {
                    let must = format!(
                        "must keep to the sending window {window} ({}): {} is outside it. Move \
                         the times, or say outside_window: defer to let the messages wait for \
                         the window",
                        channel.timezone,
                        in_its_zone(schedule, at),
                    );
                    Err(FieldError::new("expression", must))
                }
            }
        }
    }
}

/// The first of a schedule's times in the next year that may not leave then, unless its messages
/// are to wait.
#[must_use]
pub fn first_time_outside(
    schedule: &Schedule,
    template: &Template,
    channel: &Channel,
    hours: &HoursConfig,
    now: Timestamp,
) -> Option<Timestamp> {
    if schedule.outside_window == OutsideWindow::Defer {
        return None;
    }
    let hours = scheduled_hours(template, channel, hours);
    let zone = schedule.zone()?;
    let channel_zone = TimeZone::get(&channel.timezone).ok()?;
    first_outside(schedule.times_after(now, &zone), now, hours, &channel_zone)
}

/// A time of a schedule, with its zone's offset then.
#[must_use]
pub fn in_its_zone(schedule: &Schedule, at: Timestamp) -> String {
    local(at, &schedule.zone().unwrap_or(TimeZone::UTC))
}

/// The hours of a schedule's messages.
#[must_use]
pub fn scheduled_hours(template: &Template, channel: &Channel, hours: &HoursConfig) -> Hours {
    hours_of(Origin::Scheduled, template.category, hours, channel.window, template.window)
}

/// A time as RFC 3339 has it, with the zone's offset then.
#[must_use]
pub fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.display_with_offset(zone.to_offset(at)).to_string()
}

/// The origin whose messages could never leave.
fn closed_origin(template: &Template, channel: &Channel, hours: HoursConfig) -> Option<Origin> {
    [Origin::RealTime, Origin::Scheduled].into_iter().find(|&origin| {
        hours_of(origin, template.category, &hours, channel.window, template.window) == Hours::Never
    })
}

fn first(faults: Vec<(&'static str, String)>) -> Result<(), FieldError> {
    match faults.into_iter().next() {
        None => Ok(()),
        Some((field, must)) => Err(FieldError::new(field, must)),
    }
}
