//! What a document must be to be saved, given the documents around it. Pure: the caller has read
//! them.

mod schedule;
#[cfg(test)]
mod tests;

use crate::domain::hours::{Hours, Origin, hours_of};
use crate::domain::template::variant_path;
use crate::domain::{
    Audience, Channel, ChannelType, FieldError, HoursConfig, Producer, Schedule, Template, Variant,
};
use crate::ports::{Adapter, Adapters};

pub use self::schedule::{ScheduleContext, schedule};

/// Checks a channel, with the templates that have a variant for it.
///
/// # Errors
/// Names the first field at fault.
pub fn channel<'a>(
    channel: &Channel,
    its_templates: impl IntoIterator<Item = &'a Template>,
    adapters: &dyn Adapters,
    hours: &HoursConfig,
) -> Result<(), FieldError> {
    first(channel.faults())?;
    let adapter = adapters.adapter(channel).map_err(|faults| {
        let fault = faults.into_iter().next();
        fault.unwrap_or_else(|| FieldError::new("provider", "must be settings of a known provider"))
    })?;
    if let Some(fault) = adapter.guarantees().confirmation_fault(channel.confirmation) {
        return Err(fault);
    }
    first(adapter.check_channel(channel))?;
    for template in its_templates {
        let variants = template.variants.iter().enumerate();
        let mut its_variants = variants.filter(|(_, its)| its.channel == channel.name);
        let fault = its_variants.find_map(|(index, its)| {
            content_fault(its, &*adapter).map(|fault| fault.within(&variant_path(index)))
        });
        if let Some(fault) = fault {
            let detail = format!(
                "must fit the template {}, which has a variant for this channel: its {} {}",
                template.name, fault.field, fault.detail
            );
            return Err(FieldError::new("provider", detail));
        }
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

/// Checks a template, with the channels of its variants. `channel_named` finds a channel by name.
///
/// # Errors
/// Names the first field at fault.
pub fn template<'a>(
    template: &Template,
    channel_named: impl Fn(&str) -> Option<&'a Channel>,
    adapters: &dyn Adapters,
    hours: &HoursConfig,
) -> Result<(), FieldError> {
    first(template.faults())?;
    for (index, variant) in template.variants.iter().enumerate() {
        let channel = channel_of(variant, channel_named(&variant.channel), adapters)
            .map_err(|fault| fault.within(&variant_path(index)))?;
        if let Some(origin) = closed_origin(template, channel, *hours) {
            let (messages, stack) = match origin {
                Origin::RealTime => ("real-time", hours.advertising.to_string()),
                Origin::Scheduled => ("scheduled", hours.scheduled.to_string()),
            };
            let must = format!(
                "must have a minute in common with the windows of the channel {} and of the stack \
                 ({stack}), or its {messages} messages could never leave over that channel",
                channel.name
            );
            return Err(FieldError::new("window", must));
        }
    }
    Ok(())
}

/// The channel of a variant, if it can send the variant's content.
fn channel_of<'a>(
    variant: &Variant,
    channel: Option<&'a Channel>,
    adapters: &dyn Adapters,
) -> Result<&'a Channel, FieldError> {
    let channel = channel.ok_or_else(|| {
        let detail = format!(
            "there is no channel {:?}; must be the name of a stored channel",
            variant.channel
        );
        FieldError::new("channel", detail)
    })?;
    let adapter = adapters.adapter(channel).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let detail = format!(
            "is {:?}, whose provider settings cannot be used ({}); correct that channel first",
            channel.name,
            faults.join("; ")
        );
        FieldError::new("channel", detail)
    })?;
    content_fault(variant, &*adapter).map_or(Ok(channel), Err)
}

/// What a channel would refuse in the content of a variant, whatever the variables hold.
fn content_fault(variant: &Variant, adapter: &dyn Adapter) -> Option<FieldError> {
    let fault = not_sent(variant, adapter);
    let fault = fault.or_else(|| adapter.check_fixed(&variant.content).into_iter().next());
    fault.map(|fault| fault.within("content"))
}

/// The fault of a variant whose content a channel cannot send, whatever its texts say. The field is
/// `type`.
fn not_sent(variant: &Variant, adapter: &dyn Adapter) -> Option<FieldError> {
    let channel_type = variant.content.channel_type();
    if adapter.sends().contains(&channel_type) {
        // A provider may need a setting for some of its channel types.
        let mut faults = adapter.check_fixed(&variant.content).into_iter();
        return faults.find(|fault| fault.field == "type");
    }
    let detail = format!(
        "is {}; the channel {} sends {}",
        channel_type.as_str(),
        variant.channel,
        names(adapter.sends())
    );
    Some(FieldError::new("type", detail))
}

/// Checks that a template keeps the variants that its schedules need.
///
/// # Errors
/// Names the field `variants`.
pub fn template_of_schedules<'a>(
    template: &Template,
    schedules: impl IntoIterator<Item = &'a Schedule>,
) -> Result<(), FieldError> {
    for schedule in schedules.into_iter().filter(|its| its.template == template.name) {
        if let Some(channel) = &schedule.channel
            && template.variant(Some(channel)).is_err()
        {
            let detail = format!(
                "has no variant for the channel {channel}; must keep that variant, because the \
                 schedule {} sends over the channel",
                schedule.name
            );
            return Err(FieldError::new("variants", detail));
        }
    }
    Ok(())
}

/// Checks the stack's windows, with every template and each of its channels.
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
            "must have a minute in common with the windows of the template {} and of its channel \
             {}, or its messages could never leave over that channel",
            template.name, channel.name
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

/// Checks a producer, with all producers. A principal belongs to one producer, so that every
/// request has one owner.
///
/// # Errors
/// Names the first field at fault.
pub fn producer<'a>(
    producer: &Producer,
    all: impl IntoIterator<Item = &'a Producer>,
) -> Result<(), FieldError> {
    first(producer.faults())?;
    let others: Vec<_> = all.into_iter().filter(|other| other.name != producer.name).collect();
    for (index, principal) in producer.principals.iter().enumerate() {
        // IAM's names differ by more than upper and lower case.
        let is_same = |name: &String| name.eq_ignore_ascii_case(principal);
        let fault = |detail: String| Err(FieldError::new(format!("principals[{index}]"), detail));
        if producer.principals.iter().take(index).any(is_same) {
            return fault(format!("is {principal:?} again; must be listed once"));
        }
        if let Some(other) = others.iter().find(|other| other.principals.iter().any(is_same)) {
            return fault(format!(
                "is {principal:?}, which belongs to the producer {}; must belong to one producer \
                 only",
                other.name
            ));
        }
    }
    Ok(())
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

fn names(channel_types: &[ChannelType]) -> String {
    let names: Vec<&str> = channel_types.iter().copied().map(ChannelType::as_str).collect();
    names.join(", ")
}

fn first(faults: Vec<FieldError>) -> Result<(), FieldError> {
    faults.into_iter().next().map_or(Ok(()), Err)
}
