//! What a document must be to be saved, given the documents around it. Pure: the caller has read
//! them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::hours::{Hours, Origin, first_outside, hours_of};
use crate::domain::schedule::OutsideWindow;
use crate::domain::{Audience, Channel, FieldError, HoursConfig, Schedule, Template};
use crate::use_cases::compose::NO_COMMON_HOURS;

/// Checks a channel, with the templates that send over it.
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
            let must = format!(
                "must have a minute in common with the windows of the template {} and of the \
                 stack, or its messages could never leave",
                template.name
            );
            return Err(FieldError::new("window", must));
        }
    }
    Ok(())
}

/// Checks a template, with its channel.
///
/// # Errors
/// Names the first field at fault.
pub fn template(
    template: &Template,
    channel: Option<&Channel>,
    hours: &HoursConfig,
) -> Result<(), FieldError> {
    first(template.faults())?;
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

/// Checks the stack's windows, with every template and its channel.
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
        let must = format!(
            "must have a minute in common with the windows of the template {} and of its channel, \
             or its messages could never leave",
            template.name
        );
        return Err(FieldError::new(field, must));
    }
    Ok(())
}

/// Checks an audience.
///
/// # Errors
/// Names the first field at fault.
pub fn audience(audience: &Audience) -> Result<(), FieldError> {
    first(audience.faults())
}

/// What decides when and to whom a schedule's messages leave. A document that does not exist is
/// `None`.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleContext<'a> {
    pub template: Option<&'a Template>,
    /// The template's channel.
    pub channel: Option<&'a Channel>,
    pub audience: Option<&'a Audience>,
    pub hours: &'a HoursConfig,
}

/// Checks a schedule by itself, and whether its messages may leave at its times.
///
/// # Errors
/// Names the first field at fault; for times outside the window, the first of them.
pub fn schedule(
    schedule: &Schedule,
    context: ScheduleContext<'_>,
    now: Timestamp,
) -> Result<(), FieldError> {
    first(schedule.faults(now))?;
    let template = context.template.ok_or_else(|| {
        let must = format!(
            "there is no template {:?}: use a stored template, or have an operator store this one",
            schedule.template
        );
        FieldError::new("template", must)
    })?;
    let channel = context.channel.ok_or_else(|| {
        let must = format!(
            "the template's channel {:?} is not configured: an operator must store the channel",
            template.channel
        );
        FieldError::new("template", must)
    })?;
    if context.audience.is_none() {
        let must = format!("there is no audience {:?}", schedule.audience);
        return Err(FieldError::new("audience", must));
    }
    match scheduled_hours(template, channel, context.hours) {
        Hours::Never => Err(FieldError::new("template", NO_COMMON_HOURS)),
        Hours::Exempt => Ok(()),
        Hours::Within(window) => {
            match first_time_outside(schedule, template, channel, *context.hours, now) {
                None => Ok(()),
                Some(at) => {
                    let must = format!(
                        "must keep to the sending window {window} ({}): {} is outside it. Move \
                         the times, or set outside_window to defer, so that the messages wait for \
                         the window",
                        channel.timezone,
                        schedule.local_time(at),
                    );
                    Err(FieldError::new("expression", must))
                }
            }
        }
    }
}

/// The first time of a schedule in the next year that is outside its window; `None` when there is
/// none, or the schedule lets its messages wait.
fn first_time_outside(
    schedule: &Schedule,
    template: &Template,
    channel: &Channel,
    hours: HoursConfig,
    now: Timestamp,
) -> Option<Timestamp> {
    if schedule.outside_window == OutsideWindow::Defer {
        return None;
    }
    let hours = scheduled_hours(template, channel, &hours);
    let zone = schedule.zone()?;
    let channel_zone = TimeZone::get(&channel.timezone).ok()?;
    first_outside(schedule.times_after(now, &zone), now, hours, &channel_zone)
}

/// The hours of a schedule's messages.
#[must_use]
pub fn scheduled_hours(template: &Template, channel: &Channel, hours: &HoursConfig) -> Hours {
    hours_of(Origin::Scheduled, template.category, hours, channel.window, template.window)
}

/// The origin whose messages could never leave.
fn closed_origin(template: &Template, channel: &Channel, hours: HoursConfig) -> Option<Origin> {
    [Origin::RealTime, Origin::Scheduled].into_iter().find(|&origin| {
        hours_of(origin, template.category, &hours, channel.window, template.window) == Hours::Never
    })
}

fn first(faults: Vec<FieldError>) -> Result<(), FieldError> {
    faults.into_iter().next().map_or(Ok(()), Err)
}
