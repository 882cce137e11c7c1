//! What a schedule must be to be saved.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{first, scheduled_hours};
use crate::domain::hours::{Hours, first_outside};
use crate::domain::schedule::OutsideWindow;
use crate::domain::{Audience, Channel, FieldError, HoursConfig, Producer, Schedule, Template};
use crate::use_cases::compose::NO_COMMON_HOURS;

/// What decides when and to whom a schedule's messages leave. A document that does not exist is
/// `None`.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleContext<'a> {
    pub template: Option<&'a Template>,
    /// The channel that the messages leave over: that of the template's variant.
    pub channel: Option<&'a Channel>,
    pub audience: Option<&'a Audience>,
    /// The producer that the schedule names, if it names one.
    pub producer: Option<&'a Producer>,
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
    let (template, channel) = template_and_channel(schedule, context)?;
    if context.audience.is_none() {
        let must = format!("there is no audience {:?}", schedule.audience);
        return Err(FieldError::new("audience", must));
    }
    if let Some(producer) = &schedule.producer
        && context.producer.is_none()
    {
        let must = format!(
            "there is no producer {producer:?}; must be the name of a stored producer, or be left \
             out"
        );
        return Err(FieldError::new("producer", must));
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

fn template_and_channel<'a>(
    schedule: &Schedule,
    context: ScheduleContext<'a>,
) -> Result<(&'a Template, &'a Channel), FieldError> {
    let template = context.template.ok_or_else(|| {
        let must = format!(
            "there is no template {:?}: use a stored template, or have an operator store this one",
            schedule.template
        );
        FieldError::new("template", must)
    })?;
    let variant = template.variant(schedule.channel.as_deref())?;
    let channel = context.channel.ok_or_else(|| {
        let must = format!(
            "the template's channel {:?} is not configured: an operator must store the channel",
            variant.channel
        );
        FieldError::new("template", must)
    })?;
    Ok((template, channel))
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
